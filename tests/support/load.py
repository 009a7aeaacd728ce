"""Clients that ask all the time, while a test does something to the server."""

import http.client
import threading
from collections import Counter
from typing import Self

from support.live import Serve, fetch, wait_until


class Load:
    """Clients in threads, half of them on connections that they keep.

    `answers` counts what came by (status, text), `lost` holds why no answer came.
    """

    def __init__(self, server: Serve, clients: int = 6, path: str = "/") -> None:
        self.answers: Counter[tuple[int, str]] = Counter()
        self.lost: list[Exception] = []
        self._server = server
        self._path = path
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, keep: bool) -> None:
        connection = self._server.connect()
        while not self._stop.is_set():
            try:
                self.answers[fetch(connection, self._path)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(error)
                connection.close()
            if not keep:
                connection.close()
        connection.close()

    @property
    def count(self) -> int:
        """Return how many answers came."""
        return sum(self.answers.values())

    @property
    def is_whole(self) -> bool:
        """Return whether nothing was lost, and nothing refused."""
        return not self.lost and {status for status, _ in self.answers} == {200}

    def wait_for(self, answers: int = 20) -> None:
        """Let the load go on for some answers."""
        goal = self.count + answers
        wait_until(lambda: self.count >= goal, f"{answers} answers")

    def wait_for_answer(self, text: str) -> None:
        """Let the load go on until some client has read `text`."""
        wait_until(lambda: (200, text) in self.answers, text)

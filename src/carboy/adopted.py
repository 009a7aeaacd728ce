"""Open connections on their way from the workers of one generation to those of the next."""

import os
from collections.abc import Iterable, Sequence

from carboy.link import MAX_DESCRIPTORS
from carboy.process import WorkerProcess


class Adopted:
    """Idle connections that no worker has, by the number of the listener that accepted them."""

    def __init__(self) -> None:
        self._numbers: dict[int, list[int]] = {}

    def add(self, listener: int, numbers: Iterable[int]) -> None:
        """Take connections; they are ours to close."""
        self._numbers.setdefault(listener, []).extend(numbers)

    def give(self, heirs: Sequence[WorkerProcess]) -> None:
        """Deal the connections to workers, in turns; keep them if there is no worker."""
        if not heirs or not self._numbers:
            return
        for listener, numbers in self._numbers.items():
            for start, heir in enumerate(heirs):
                for batch in _batches(numbers[start :: len(heirs)]):
                    heir.link.send("connections", batch, listener=listener)
        self.drop()  # ours only: the heirs have their own

    def drop(self) -> None:
        """Close the connections."""
        for numbers in self._numbers.values():
            for number in numbers:
                os.close(number)
        self._numbers.clear()


def _batches(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return [numbers[i : i + MAX_DESCRIPTORS] for i in range(0, len(numbers), MAX_DESCRIPTORS)]

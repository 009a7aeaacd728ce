"""Which paths take long, learned from the requests that did."""

# A request that runs for so many seconds is a long one.
LONG = 0.03
# A path of whose last long request so much was computed is one that computes. Not more, because of
# several that compute beside each other each has a part of the time only.
COMPUTED = 0.125
# A long request weighs as much as so many others: of a slow path, every eighth one or more is long.
WEIGHT = 8
# A path is slow with a score above the first one; no score rises above the second.
SLOW, HIGHEST = 2 * WEIGHT, 8 * WEIGHT
# So many paths are remembered, for clients may ask for any number of them.
MOST = 1024


class Tempo:
    """Scores of the paths that were slow lately; a path without one has never been.

    Any thread may call it. There is no lock: a lost count does no harm.
    """

    def __init__(self) -> None:
        self.scores: dict[str, int] = {}
        self._computing: set[str] = set()

    def is_slow(self, path: str) -> bool:
        """Return whether a request that has come for a path will probably take long."""
        score = self.scores.get(path, 0)
        if score > 0:
            self.scores[path] = score - 1
        else:
            self.scores.pop(path, None)
        return score > SLOW

    def computes(self, path: str) -> bool:
        """Return whether a request for a slow path will probably compute, not only wait."""
        return path in self._computing

    def note(self, path: str, seconds: float, computed: float) -> None:
        """Learn how long a request took, and how much of it was computed.

        Short ones need not be told.
        """
        if seconds < LONG:
            return
        if len(self.scores) >= MOST or len(self._computing) >= MOST:
            self.scores.clear()
            self._computing.clear()
        self.scores[path] = min(self.scores.get(path, 0) + WEIGHT, HIGHEST)
        if computed >= COMPUTED * seconds:
            self._computing.add(path)
        else:
            self._computing.discard(path)

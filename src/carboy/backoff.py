"""How long to wait before a worker that died is replaced."""

# Seconds: doubled with each death, up to the limit.
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
# A worker that served for so long, in seconds, was healthy: its death starts from the first pause.
HEALTHY = 10.0


class Backoff:
    """Counts `deaths` in a row, and pauses longer with each."""

    def __init__(self) -> None:
        self.deaths = 0

    def note_start(self) -> None:
        """Count a death, or a failure, on the way to being ready."""
        self.deaths += 1

    def note_death(self, age: float) -> None:
        """Count the death of a worker that served, `age` seconds after its start."""
        self.deaths = 0 if age > HEALTHY else self.deaths + 1

    def pause(self) -> float:
        """Return the seconds to wait now; none after the death of a healthy worker."""
        if not self.deaths:
            return 0.0
        return min(FIRST_PAUSE * 2.0 ** min(self.deaths, 10), LONGEST_PAUSE)

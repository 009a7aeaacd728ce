"""What may go wrong in a measurement."""


class BenchError(Exception):
    """Nothing can be measured; the message is one line that says what to do."""


class PeerError(Exception):
    """A peer did not do what is measured in time; the message ends with what it said."""

"""What may go wrong in a measurement."""


class PeerError(Exception):
    """A peer did not do what is measured in time; the message ends with what it said."""

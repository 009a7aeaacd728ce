"""What a person can do something about."""


class ReleaseError(Exception):
    """Why there is no release: one line that says what to do."""

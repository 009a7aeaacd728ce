"""Settings in layers, each value with its provenance: parse, merge, validate, freeze."""

from carboy.settings.model import Options, Provenance, Resolved, Settings
from carboy.settings.resolution import load, resolve
from carboy.settings.validation import weakness

__all__ = ["Options", "Provenance", "Resolved", "Settings", "load", "resolve", "weakness"]

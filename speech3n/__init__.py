"""speech3n: streaming speech recognition and translation."""

__version__ = "0.1.0"

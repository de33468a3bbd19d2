"""The ``oet`` command. Only what every command needs is imported when it starts."""

from .entry import main

__all__ = ["main"]

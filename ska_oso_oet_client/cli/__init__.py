"""The ``oet`` command. At its start it imports only modules that every command needs."""

from .entry import main

__all__ = ["main"]

"""The error of a journal that cannot be used."""

from __future__ import annotations


class Unusable(Exception):  # noqa: N818  reads as a sentence
    """The journal cannot be used; the message gives the reason and the action to take."""

"""Why a journal cannot be used."""

from __future__ import annotations


class Unusable(Exception):  # noqa: N818  reads as a sentence
    """The journal cannot be used; the message says why, and what to do."""

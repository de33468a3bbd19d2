"""The journal, measured."""

from __future__ import annotations

import time

from ..metrics import catalogue as metrics
from . import tally
from .envelope import Envelope
from .journal import Journal


class MeteredJournal(Journal):
    """Measures how long writing takes, and counts what the messages tell."""

    def append(self, envelopes: list[Envelope]) -> None:
        """Write messages, and count those that were written."""
        began = time.perf_counter()
        super().append(envelopes)
        metrics.WRITE.observe(time.perf_counter() - began)
        tally.count(envelopes)

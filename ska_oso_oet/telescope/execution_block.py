"""The execution block of a run, told to the OET as it happens, which keeps it in the archive."""

from __future__ import annotations

import itertools
import time
from typing import Any

from .announce import send


class ExecutionBlock:
    """The record of the commands of one run.

    :param eb_id: its id, which the SDP is told too
    """

    def __init__(self, eb_id: str) -> None:
        self.id = eb_id
        self._numbers = itertools.count(1)

    def begin(self, **about: Any) -> None:
        """Tell that it begins, before the first command."""
        send("execution_block.started", eb_id=self.id, **about)

    def command(self, device: str, command: str, request: str | None, sent: float, error: str | None) -> None:
        """Tell how a command went.

        :param request: its argument, JSON
        :param sent: seconds since the epoch
        :param error: why it failed; none if it did not
        """
        send(
            "execution_block.command",
            eb_id=self.id,
            number=next(self._numbers),
            device=device,
            command=command,
            request=request,
            ok=error is None,
            answer=error or "OK",
            sent=sent,
            ended=time.time(),
        )

    def end(self, observed: bool) -> None:
        """Tell that it is over."""
        send("execution_block.finished", eb_id=self.id, status="Observed" if observed else "Failed")

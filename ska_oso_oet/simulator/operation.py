"""A command that was accepted and is being carried out."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

from ..telescope.states import ObsState
from .answers import Result
from .commands import Command
from .faults import Fault, Kind

Report = Callable[[str, Result], None]


@dataclasses.dataclass(eq=False, kw_only=True)
class Operation:
    """A command that is being carried out; its subarray's lock guards it."""

    id: str
    command: Command
    argument: Any
    origin: ObsState  #: the state it was called in
    fault: Fault | None
    reports: tuple[Report, ...]  #: who is told how it ended
    held: Operation | None = None  #: the scan that this EndScan is ending
    due: float = 0.0  #: when it ends, on the monotonic clock
    timer: threading.Timer | None = None

    @property
    def kind(self) -> Kind | None:
        """How the fault injected into it shows, if there is one."""
        return self.fault.kind if self.fault else None

    def begin(self, seconds: float, finish: Callable[[Operation], None]) -> None:
        """Call ``finish`` so many seconds from now, or before this returns if there are none."""
        self.due = time.monotonic() + seconds
        if self.kind is Kind.STUCK:
            return
        if seconds <= 0:
            finish(self)
            return
        self.timer = threading.Timer(seconds, finish, (self,))
        self.timer.daemon = True
        self.timer.start()

    def with_held(self) -> list[Operation]:
        """This one, and the one that it holds."""
        return [self] if self.held is None else [self, *self.held.with_held()]

    def report_held(self, result: Result) -> None:
        """Tell the one that it holds how that ended, if it holds one."""
        if self.held is not None:
            self.held.report(result)

    def hold(self) -> None:
        """Let it not end by itself."""
        if self.timer is not None:
            self.timer.cancel()

    def join(self) -> None:
        """Let it not end by itself; nothing of it is left afterwards."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer.join()

    def report(self, result: Result) -> None:
        """Tell how it ended."""
        if self.kind is not Kind.SILENT:
            for report in self.reports:
                report(self.id, result)

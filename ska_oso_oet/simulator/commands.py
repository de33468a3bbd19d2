"""The commands that change a subarray's observing state, as one table."""

from __future__ import annotations

import dataclasses

from ..telescope.states import ObsState
from .answers import NotAllowed

S = ObsState


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """One command of a subarray."""

    name: str
    allowed: frozenset[ObsState]  #: the states it may come in
    during: ObsState | None  #: the state while it is carried out; None: the one it came in
    after: ObsState  #: the state when it has succeeded
    delay: float | None  #: seconds it takes unless told otherwise; None: as long as the scan

    def require_allowed(self, device: str, state: ObsState, doing: Command | None) -> None:
        """Make sure that it may come now.

        :param doing: the command that is being carried out, if one is
        :raises NotAllowed: if it may not
        """
        if state not in self.allowed:
            raise NotAllowed(self.name, device, state)
        interrupts = self.name == "Abort" or (self.name == "EndScan" and doing and doing.name == "Scan")
        if doing and not interrupts:
            raise NotAllowed(self.name, device, state, doing.name)


COMMANDS = {
    command.name: command
    for command in (
        Command(
            name="AssignResources",
            allowed=frozenset({S.EMPTY, S.IDLE}),
            during=S.RESOURCING,
            after=S.IDLE,
            delay=0.5,
        ),
        Command(
            name="ReleaseResources",
            allowed=frozenset({S.IDLE}),
            during=S.RESOURCING,
            after=S.EMPTY,
            delay=0.3,
        ),
        Command(
            name="Configure",
            allowed=frozenset({S.IDLE, S.READY}),
            during=S.CONFIGURING,
            after=S.READY,
            delay=0.5,
        ),
        Command(name="Scan", allowed=frozenset({S.READY}), during=S.SCANNING, after=S.READY, delay=None),
        Command(name="EndScan", allowed=frozenset({S.SCANNING}), during=None, after=S.READY, delay=0.1),
        Command(name="End", allowed=frozenset({S.READY}), during=None, after=S.IDLE, delay=0.1),
        Command(
            name="Abort",
            allowed=frozenset({S.RESOURCING, S.IDLE, S.CONFIGURING, S.READY, S.SCANNING, S.RESETTING}),
            during=S.ABORTING,
            after=S.ABORTED,
            delay=0.3,
        ),
        Command(
            name="ObsReset",
            allowed=frozenset({S.ABORTED, S.FAULT}),
            during=S.RESETTING,
            after=S.IDLE,
            delay=0.3,
        ),
        Command(
            name="Restart",
            allowed=frozenset({S.ABORTED, S.FAULT}),
            during=S.RESTARTING,
            after=S.EMPTY,
            delay=0.3,
        ),
    )
}

#: Seconds each command takes; a scan is not listed, it lasts as long as it was configured to.
DEFAULT_DELAYS = {name: command.delay for name, command in COMMANDS.items() if command.delay is not None}

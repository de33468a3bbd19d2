"""The OET as a whole: its health, its work, and its switch for QA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..decoding import at, decode
from .procedure import Procedure
from .record import Document, Documented


@dataclass(frozen=True, kw_only=True)
class Authentication(Documented):
    """How to log in to an OET, or that nobody needs to.

    ``scopes`` is a list of words; ``audience`` names the OET to the identity provider.
    """

    required: bool
    issuer: str = ""
    client_id: str = ""
    scopes: str = ""
    audience: str | None = at(read=lambda offer: offer.get("audience") or None, default=None)

    def __post_init__(self) -> None:
        if self.required and not (self.issuer and self.client_id):
            raise ValueError("it requires a login but does not say how to log in")


@dataclass(frozen=True, kw_only=True)
class QaOverride:
    """A request to go on without QA, for one wait of one procedure; ``time`` is when it was made.

    ``state`` is ``requested``, ``delivered`` to the script or ``acknowledged`` by it; ``by`` is who
    made it.
    """

    state: str
    procedure_id: int
    time: float
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class QaSwitch(Documented):
    """Whether scripts wait for QA before a scan (None: not known), and the newest override.

    ``set_by`` and ``set_at`` tell who has set the switch last and when, in seconds since the epoch.
    """

    wait_for_qa_ready: bool | None
    override: QaOverride | None = None
    set_by: str | None = None
    set_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class DrainState(Documented):
    """Whether new work is refused (None: not known), since when, by whom and why."""

    drained: bool | None
    since: float | None = None
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ObsState:
    """The last obsState that a procedure's script saw, and its time in seconds since the epoch."""

    name: str = at("obs_state")
    time: float
    procedure_id: int


@dataclass(frozen=True, kw_only=True)
class LastAbort:
    """How the last abort ended: ``detail`` is where the subarray is then, or why it failed.

    ``procedure_id`` is None if no abort could begin; ``time`` in seconds since the epoch.
    """

    failed: bool
    time: float
    procedure_id: int | None = None
    detail: str | None = None


def _qa_of(status: Document) -> QaSwitch:
    return decode(QaSwitch, {name: status.get(name) for name in ("wait_for_qa_ready", "override")})


@dataclass(frozen=True, kw_only=True)
class ServerStatus(Documented):
    """The health and the work of the OET. ``disk_free`` is in bytes.

    ``alive`` are the procedures that have not ended, ``running`` is the one whose ``main`` runs.
    ``obs_state`` is None if no script has told it, ``last_abort`` if none has ended.

    ``stores`` says how the journal and the central history stand: ``ok``, or what the trouble is;
    None if there is no such store, or nobody can tell.
    """

    version: str
    subarray_id: int
    ready: bool
    workers: Mapping[str, str] = field(default_factory=dict)
    stores: Mapping[str, str | None] = field(default_factory=dict)
    qa: QaSwitch = at(read=_qa_of)
    drain: DrainState = DrainState(drained=None, document={})
    running: Procedure | None = None
    alive: tuple[Procedure, ...] = ()
    obs_state: ObsState | None = None
    last_abort: LastAbort | None = None
    disk_free: int | None = None

    @property
    def not_aborted(self) -> LastAbort | None:
        """The last abort, if it has failed and no script has told a later obsState."""
        last = self.last_abort
        if last is None or not last.failed:
            return None
        return last if self.obs_state is None or self.obs_state.time <= last.time else None

    @property
    def knows_runs(self) -> bool:
        """Whether the worker that runs the procedures answers."""
        return self.workers.get("SESWorker", "ok") == "ok"

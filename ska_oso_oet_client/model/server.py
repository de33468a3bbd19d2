"""The OET as a whole: whether it can work, what it is doing, and its switch for QA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .procedure import Procedure
from .record import Document


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

    @classmethod
    def from_json(cls, document: Document) -> QaOverride:
        return cls(
            state=document["state"],
            procedure_id=int(document["procedure_id"]),
            time=float(document["time"]),
            by=document.get("by"),
        )


@dataclass(frozen=True, kw_only=True)
class QaSwitch:
    """Whether scripts wait for QA before a scan (None: not known), and the newest override.

    ``set_by`` and ``set_at`` tell who has set the switch last and when, in seconds since the epoch.
    """

    wait_for_qa_ready: bool | None
    override: QaOverride | None = None
    set_by: str | None = None
    set_at: float | None = None
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> QaSwitch:
        override = document.get("override")
        return cls(
            wait_for_qa_ready=document["wait_for_qa_ready"],
            override=QaOverride.from_json(override) if override else None,
            set_by=document.get("set_by"),
            set_at=document.get("set_at"),
            document=document,
        )


@dataclass(frozen=True, kw_only=True)
class DrainState:
    """Whether new work is refused (None: not known), since when, by whom and why."""

    drained: bool | None
    since: float | None = None
    by: str | None = None
    reason: str | None = None
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> DrainState:
        return cls(
            drained=document["drained"],
            since=document.get("since"),
            by=document.get("by"),
            reason=document.get("reason"),
            document=document,
        )


@dataclass(frozen=True, kw_only=True)
class ObsState:
    """Where the script of a procedure last saw the subarray, and when, seconds since the epoch."""

    name: str
    time: float
    procedure_id: int

    @classmethod
    def from_json(cls, document: Document) -> ObsState:
        return cls(
            name=document["obs_state"],
            time=float(document["time"]),
            procedure_id=int(document["procedure_id"]),
        )


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """Whether the OET can work, and what it is doing. ``disk_free`` is in bytes.

    ``alive`` are the procedures that have not ended, ``running`` is the one whose ``main`` runs.
    ``obs_state`` is None where no script has told it.

    ``stores`` says how the journal and the central history stand: ``ok``, or what the trouble is;
    None where there is no such store, or nobody can tell.
    """

    version: str
    subarray_id: int
    ready: bool
    workers: Mapping[str, str]
    stores: Mapping[str, str | None]
    qa: QaSwitch
    drain: DrainState
    running: Procedure | None = None
    alive: tuple[Procedure, ...] = ()
    obs_state: ObsState | None = None
    disk_free: int | None = None
    document: Document = field(repr=False, compare=False)

    @property
    def knows_runs(self) -> bool:
        """Whether the one worker answers that knows what runs."""
        return self.workers.get("SESWorker", "ok") == "ok"

    @classmethod
    def from_json(cls, document: Document) -> ServerStatus:
        running = document.get("running")
        alive = document.get("alive", [running] if running else [])
        obs_state = document.get("obs_state")
        switch = {name: document.get(name) for name in ("wait_for_qa_ready", "override")}
        return cls(
            version=document["version"],
            subarray_id=int(document["subarray_id"]),
            ready=bool(document["ready"]),
            workers=dict(document.get("workers") or {}),
            stores=dict(document.get("stores") or {}),
            qa=QaSwitch.from_json(switch),
            drain=DrainState.from_json(document.get("drain") or {"drained": None}),
            running=Procedure.from_json(running) if running else None,
            alive=tuple(Procedure.from_json(found) for found in alive),
            obs_state=ObsState.from_json(obs_state) if obs_state else None,
            disk_free=document.get("disk_free"),
            document=document,
        )

"""An activity of a scheduling block, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass

from ..decoding import at
from ..script_source import CreateEnv
from .pace import Progress, Remaining
from .record import Lived, StateChange


@dataclass(frozen=True, kw_only=True)
class ExecutionBlock:
    """The record of the commands to the telescope; ``status`` is None until the archive has it."""

    eb_id: str
    status: str | None = None


@dataclass(frozen=True, kw_only=True)
class Activity(Lived):
    """A named activity of one scheduling block definition, done once by one procedure.

    ``sbi_id`` is the scheduling block instance that came of it. ``procedure_id`` is None when it
    failed before there was a procedure. ``rerun_of`` is the activity that it does once more.
    """

    activity_name: str
    sbd_id: str
    sbd_version: int | None = None
    sbi_id: str | None = None
    procedure_id: int | None = None
    prepare_only: bool = False
    create_env: CreateEnv = False
    script_uri: str | None = None
    simulated: bool = False
    rerun_of: int | None = None
    progress: Progress | None = None
    remaining: Remaining | None = None
    execution_blocks: tuple[ExecutionBlock, ...] = ()
    history: tuple[StateChange, ...] = at("activity_states", default=())

    def __str__(self) -> str:
        return f"activity {self.id} ({self.activity_name} of {self.sbd_id})"

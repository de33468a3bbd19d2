"""An activity of a scheduling block, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..script_source import CreateEnv
from .record import CallArguments, Document, Lived, Outcome, StateChange


@dataclass(frozen=True, kw_only=True)
class Activity(Lived):
    """A named activity of one scheduling block definition, done once by one procedure.

    ``sbi_id`` is the scheduling block instance that came of it. ``procedure_id`` is None when it
    failed before there was a procedure.
    """

    id: int
    uri: str
    state: str
    activity_name: str
    sbd_id: str
    sbd_version: int | None = None
    sbi_id: str | None = None
    procedure_id: int | None = None
    prepare_only: bool = False
    create_env: CreateEnv = False
    init: CallArguments
    main: CallArguments
    history: tuple[StateChange, ...]
    outcome: Outcome | None = None
    created_by: str | None = None
    started_by: str | None = None
    stopped_by: str | None = None
    script_uri: str | None = None
    document: Document = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"activity {self.id} ({self.activity_name} of {self.sbd_id})"

    @classmethod
    def from_json(cls, document: Document) -> Activity:
        """Raises KeyError, TypeError or ValueError when this is no activity."""
        arguments = document.get("script_args") or {}
        outcome = document.get("outcome")
        return cls(
            id=int(document["id"]),
            uri=document.get("uri", ""),
            state=document["state"],
            activity_name=document["activity_name"],
            sbd_id=document["sbd_id"],
            sbd_version=document.get("sbd_version"),
            sbi_id=document.get("sbi_id"),
            procedure_id=document.get("procedure_id"),
            prepare_only=bool(document.get("prepare_only")),
            create_env=document.get("create_env") or False,
            init=CallArguments.from_json(arguments.get("init")),
            main=CallArguments.from_json(arguments.get("main")),
            history=StateChange.all_from_json(document.get("activity_states")),
            outcome=Outcome.from_json(outcome) if outcome else None,
            created_by=document.get("created_by"),
            started_by=document.get("started_by"),
            stopped_by=document.get("stopped_by"),
            script_uri=document.get("script_uri"),
            document=document,
        )

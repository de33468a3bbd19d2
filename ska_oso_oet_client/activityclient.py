"""``ActivityAdapter``: activities for code that knows them as plain dictionaries.

The sibling of ``ProcedureAdapter``. New code is better off with ``OETClient``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .address import base_of
from .client import OETClient
from .model import Activity
from .script_args import ScriptArgs
from .script_source import CreateEnv


@dataclass(frozen=True, kw_only=True)
class ActivitySummary:
    """An activity with its inner parts as the server's JSON has them."""

    id: int
    uri: str
    activity_name: str
    sbd_id: str
    sbi_id: str | None
    procedure_id: int | None
    prepare_only: bool
    script_args: dict[str, Any]
    activity_states: list[Any]
    state: str
    outcome: dict[str, Any] | None = None

    @classmethod
    def of(cls, activity: Activity) -> ActivitySummary:
        document = activity.document
        return cls(
            id=activity.id,
            uri=activity.uri,
            activity_name=activity.activity_name,
            sbd_id=activity.sbd_id,
            sbi_id=activity.sbi_id,
            procedure_id=activity.procedure_id,
            prepare_only=activity.prepare_only,
            script_args=dict(document.get("script_args") or {}),
            activity_states=list(document.get("activity_states") or ()),
            state=activity.state,
            outcome=document.get("outcome"),
        )


class ActivityAdapter:
    """The activities at ``server_url``, which ends in ``/activities``. Keeps nothing open."""

    def __init__(self, server_url: str) -> None:
        self._base = base_of(server_url, "/activities")

    def list(self, aid: int | str | None = None, **which: Any) -> list[ActivitySummary]:
        """The ten newest, or only the one with this id.

        ``which`` is what ``OETClient.activities`` takes: ``all``, ``limit``, ``state``, ``script``
        and ``since``.
        """
        with OETClient(self._base) as client:
            found = client.activities(**which) if aid is None else [client.activity(int(aid))]
        return [ActivitySummary.of(activity) for activity in found]

    def run(
        self,
        activity_name: str,
        sbd_id: str,
        script_args: ScriptArgs | None = None,
        prepare_only: bool = False,
        create_env: CreateEnv = False,
    ) -> ActivitySummary:
        """Ask for an activity; returns when there is a procedure for it, not when it has ended."""
        with OETClient(self._base) as client:
            activity = client.run_activity(
                activity_name,
                sbd_id,
                script_args,
                prepare_only=prepare_only,
                create_env=create_env,
            )
        return ActivitySummary.of(activity)

    def stop(self, aid: int | str, run_abort: bool = True) -> str:
        """What the server says about the stop."""
        with OETClient(self._base) as client:
            return client.stop_activity(int(aid), run_abort).message

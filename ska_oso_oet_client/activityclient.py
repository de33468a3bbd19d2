"""``ActivityAdapter``: activities for code that knows them as plain dictionaries.

The sibling of ``ProcedureAdapter``. New code is better off with ``OETClient``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .address import base_of
from .client import OETClient
from .decoding import decode
from .script_args import ScriptArgs
from .script_source import CreateEnv


@dataclass(frozen=True, kw_only=True)
class ActivitySummary:
    """An activity with its inner parts as the server's JSON has them."""

    id: int
    uri: str = ""
    activity_name: str
    sbd_id: str
    sbd_version: int | None = None
    sbi_id: str | None = None
    procedure_id: int | None = None
    prepare_only: bool = False
    script_args: dict[str, Any] = field(default_factory=dict)
    activity_states: list[Any] = field(default_factory=list)
    state: str
    outcome: dict[str, Any] | None = None


class ActivityAdapter:
    """The activities at ``server_url``, which ends in ``/activities``. Keeps nothing open."""

    def __init__(self, server_url: str) -> None:
        self._base = base_of(server_url, "/activities")

    def list(self, aid: int | str | None = None, **which: Any) -> list[ActivitySummary]:
        """The ten newest, or only the one with this id.

        ``which`` are the filters of ``OETClient.activities``: ``all``, ``limit``, ``state``,
        ``script`` and ``since``.
        """
        with OETClient(self._base) as client:
            found = client.activities(**which) if aid is None else [client.activity(int(aid))]
        return [decode(ActivitySummary, one.document) for one in found]

    def run(
        self,
        activity_name: str,
        sbd_id: str,
        script_args: ScriptArgs | None = None,
        prepare_only: bool = False,
        create_env: CreateEnv = False,
        sbd_version: int | None = None,
    ) -> ActivitySummary:
        """Ask for an activity; returns when there is a procedure for it, not when it has ended.

        ``sbd_version`` is the version of the scheduling block, by default the newest.
        """
        with OETClient(self._base) as client:
            activity = client.run_activity(
                activity_name,
                sbd_id,
                script_args,
                prepare_only=prepare_only,
                create_env=create_env,
                sbd_version=sbd_version,
            )
        return decode(ActivitySummary, activity.document)

    def stop(self, aid: int | str, run_abort: bool = True) -> str:
        """Stop it; returns the server's sentence about the stop."""
        with OETClient(self._base) as client:
            return client.stop_activity(int(aid), run_abort).message

"""Operations on activities of scheduling blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..model import RUNNING, Activity, StopResult
from ..script_args import ScriptArgs, checked
from ..script_source import CreateEnv
from .connection import Connection, Notify, log
from .listing import Listing


class ActivityOperations(Connection):
    """Run, watch and stop activities."""

    def activities(
        self,
        *,
        all: bool = False,
        limit: int | None = None,
        state: str | Sequence[str] | None = None,
        script: str | None = None,
        since: float | None = None,
    ) -> list[Activity]:
        """The ten newest, oldest first, or with ``all`` the ``limit`` newest of all there were.

        Only those in a state, of a script whose URI contains ``script`` (``*`` is any letters,
        ``?`` is one), and requested since then, in seconds since the epoch.
        """
        wanted = Listing(all=all, limit=limit, state=state, script=script, since=since)
        return wanted.read(self._activities)

    def _activities(self, **parameters: Any) -> list[Activity]:
        return self._get(list[Activity], "/activities", **parameters)

    def activity(self, aid: int) -> Activity:
        return self._get(Activity, f"/activities/{aid}")

    def last_activity(self) -> Activity | None:
        """The one requested last, if there is any."""
        return max(self.activities(), key=lambda activity: activity.id, default=None)

    def current_activity(self) -> Activity | None:
        """The one that is running, else the newest that has not ended."""
        going_on = [activity for activity in self.activities() if not activity.is_final]
        return max(
            going_on, key=lambda activity: (activity.state == RUNNING, activity.id), default=None
        )

    def run_activity(
        self,
        activity_name: str,
        sbd_id: str,
        script_args: ScriptArgs | None = None,
        *,
        prepare_only: bool = False,
        create_env: CreateEnv = False,
        sbd_version: int | None = None,
        simulate: bool = False,
    ) -> Activity:
        """Do an activity of a scheduling block, or with ``prepare_only`` only load its script.

        With ``simulate`` it is a dry run: no commands are sent, and the archive gets no instance.
        ``script_args``, such as ``{"init": {"kwargs": {"foo": "bar"}}}``, go over the arguments
        the scheduling block has. ``sbd_version`` is the version of the block, by default the
        newest. Returns as soon as there is a procedure for it.
        """
        body: dict[str, Any] = {
            "activity_name": activity_name,
            "sbd_id": sbd_id,
            "prepare_only": prepare_only,
            "create_env": create_env,
            "script_args": checked(script_args or {}),
        }
        if sbd_version is not None:  # which a server of an earlier release does not know
            body["sbd_version"] = sbd_version
        if simulate:
            body["simulate"] = True
        return self._change(Activity, "POST", "/activities", body)

    def stop_activity(self, aid: int, run_abort: bool = True) -> StopResult:
        """Returns when nothing of its script is left and, if asked for, the abort has begun."""
        body = {"state": "STOPPED", "abort": run_abort}
        return self._change(StopResult, "PUT", f"/activities/{aid}", body)

    def wait_for_activity(
        self,
        aid: int,
        timeout: float | None = None,
        *,
        until: Collection[str] = (),
        notify: Notify = log.warning,
    ) -> Activity:
        """The activity once it is final, or in one of the states ``until``; like ``wait``."""
        return self._wait(f"Activity {aid}", lambda: self.activity(aid), timeout, until, notify)

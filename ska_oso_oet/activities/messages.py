"""The messages that tell of a change of an activity."""

from __future__ import annotations

from typing import Any

from ..bus import topics
from ..domain.activity import Activity, ActivityState, StateChanged

_END_TOPICS = {
    ActivityState.COMPLETE: topics.ACTIVITY_COMPLETE,
    ActivityState.FAILED: topics.ACTIVITY_FAILED,
    ActivityState.STOPPED: topics.ACTIVITY_STOPPED,
}


def messages(activity: Activity, change: StateChanged) -> list[tuple[str, dict[str, Any]]]:
    """The topics and fields that tell of a change, in their order."""
    result = activity.to_dict()
    states = {"old_state": change.old_state.value, "new_state": change.new_state.value}
    told: list[tuple[str, dict[str, Any]]] = [
        (topics.ACTIVITY_STATE_CHANGED, {"aid": activity.id, **states, "result": result})
    ]
    block = {"sbd_id": activity.sbd_id, "sbi_id": activity.sbi_id}
    if change.new_state is ActivityState.RUNNING and not activity.simulated:
        told.append((topics.SB_STARTED, block))
    if activity.final:
        if activity.ran and not activity.simulated:
            good = activity.state is ActivityState.COMPLETE
            told.append((topics.SB_SUCCEEDED if good else topics.SB_FAILED, block))
        told.append((_END_TOPICS[change.new_state], {"result": result}))
    return told

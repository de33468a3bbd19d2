"""Scheduling block instances (SBInstance): the record of one execution of an activity."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from .scheduling import FUNCTIONS, SchedulingBlock
from .scripts import Arguments

SBI_INTERFACE = "https://schema.skao.int/ska-oso-pdm-sbi/0.1"


def instance(
    block: SchedulingBlock,
    sbi_id: str,
    activity_name: str,
    arguments: Mapping[str, Arguments],
    executed_at: datetime.datetime,
    user: str | None = None,
) -> dict[str, Any]:
    """Return the SBInstance document of one execution of an activity.

    :param arguments: those the script's functions are called with, merged
    :param executed_at: with its time zone
    :param user: the user who asked for it, if known
    """
    when = executed_at.astimezone(datetime.timezone.utc).isoformat()
    who = user or "oet"
    return {
        "interface": SBI_INTERFACE,
        "sbi_id": sbi_id,
        "sbd_ref": block.sbd_id,
        "sbd_version": block.version,
        "telescope": block.telescope,
        "activities": [
            {
                "activity_ref": activity_name,
                "executed_at": when,
                "runtime_args": [
                    {"function_name": function, "function_args": arguments[function].shown}
                    for function in FUNCTIONS
                    if function in arguments
                ],
            }
        ],
        "metadata": {
            "version": 1,
            "created_by": who,
            "created_on": when,
            "last_modified_by": who,
            "last_modified_on": when,
        },
    }

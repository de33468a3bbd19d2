"""Which activity a command without ``--aid`` means."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ...errors import RefusedError
from ...model import Activity
from ..settings import typed

if TYPE_CHECKING:
    from ...client import OETClient


def aid_option(meaning: str) -> Callable[[Any], Any]:
    """``--aid``; ``meaning`` says which activity is meant without it."""
    return click.option(
        "--aid", type=click.IntRange(0), help=f"ID of the activity.  [default: {meaning}]"
    )


def last_created(client: OETClient) -> Activity:
    activity = client.last_activity()
    if activity is None:
        raise RefusedError(f"There is no activity yet; run one with: {typed('activity run')}")
    return activity


def going_on(client: OETClient) -> Activity:
    activity = client.current_activity()
    if activity is None:
        raise RefusedError(
            "No activity is going on; to stop a script that is none, use: "
            + typed("procedure stop")
        )
    return activity

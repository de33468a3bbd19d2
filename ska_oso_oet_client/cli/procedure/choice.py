"""Which procedure a command without ``--pid`` means."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ...errors import RefusedError
from ...model import Procedure
from ..settings import typed

if TYPE_CHECKING:
    from ...client import OETClient


def pid_option(meaning: str) -> Callable[[Any], Any]:
    """``--pid``; ``meaning`` says which procedure is meant without it."""
    return click.option(
        "--pid", type=click.IntRange(0), help=f"ID of the procedure.  [default: {meaning}]"
    )


def last_created(client: OETClient) -> Procedure:
    procedure = client.last_procedure()
    if procedure is None:
        raise RefusedError(
            f"There is no procedure yet; load a script with: {typed('procedure create')}"
        )
    return procedure


def running(client: OETClient) -> Procedure:
    procedure = client.running_procedure()
    if procedure is None:
        raise RefusedError(
            "No procedure is running; to end one that is not, name it: "
            + typed("procedure stop --pid=ID")
        )
    return procedure


def running_or_last(client: OETClient) -> Procedure:
    return client.running_procedure() or last_created(client)

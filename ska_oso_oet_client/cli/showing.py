"""Procedures and activities on stdout, as a table or as the server's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..model import Activity, Procedure
from .settings import Settings, tell

if TYPE_CHECKING:
    from ..client import OETClient


def show_json(document: Mapping[str, Any] | Sequence[Any]) -> None:
    click.echo(json.dumps(document))


def show_procedure(procedure: Procedure, settings: Settings) -> None:
    if settings.as_json:
        show_json(procedure.document)
    else:
        show_procedures([procedure], settings)


def show_procedures(
    procedures: Sequence[Procedure], settings: Settings, with_subarray: bool = False
) -> None:
    from .tables import procedure_table

    click.echo(procedure_table(procedures, settings.times, with_subarray))


def tell_where(what: Procedure | Activity, client: OETClient) -> None:
    """On which subarray something was done: it is easily another one than was meant."""
    sentence = f"{what} is {what.state} on subarray {client.subarray_id}"
    tell(sentence[0].upper() + sentence[1:])
    if isinstance(what, Procedure) and what.evicts is not None:
        tell(f"Procedure {what.evicts}, which was READY, is ended: the list was full")


def show_activity(activity: Activity, settings: Settings) -> None:
    if settings.as_json:
        show_json(activity.document)
    else:
        show_activities([activity], settings)


def show_activities(activities: Sequence[Activity], settings: Settings) -> None:
    from .tables import activity_table

    click.echo(activity_table(activities, settings.times))

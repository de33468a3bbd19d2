"""Procedures and activities on stdout, as a table or as the server's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import OETError
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
        _print_procedures([procedure], settings)


def list_procedures(
    procedures: Sequence[Procedure], settings: Settings, with_subarray: bool = False
) -> None:
    _print_procedures(procedures, settings, in_list=True, with_subarray=with_subarray)


def _print_procedures(procedures: Sequence[Procedure], settings: Settings, **columns: bool) -> None:
    from .tables import procedure_table

    click.echo(procedure_table(procedures, settings.times, **columns))


def tell_where(what: Procedure | Activity, client: OETClient) -> None:
    """Tell the user the subarray of a command, since a wrong one is easily selected."""
    sentence = f"{what} is {what.state} on subarray {client.subarray_id}"
    tell(sentence[0].upper() + sentence[1:])


def tell_evicted(created: Procedure | Activity, client: OETClient) -> None:
    """Report the READY procedure that was ended to make room for a new one."""
    procedure = created if isinstance(created, Procedure) else _procedure_of(created, client)
    if procedure is not None and procedure.evicts is not None:
        tell(f"Procedure {procedure.evicts}, which was READY, is ended: the list was full")


def _procedure_of(activity: Activity, client: OETClient) -> Procedure | None:
    if activity.procedure_id is None:
        return None
    try:
        return client.procedure(activity.procedure_id)
    except OETError:  # the activity was requested nevertheless
        return None


def show_activity(activity: Activity, settings: Settings) -> None:
    if settings.as_json:
        show_json(activity.document)
    else:
        _print_activities([activity], settings)


def list_activities(activities: Sequence[Activity], settings: Settings) -> None:
    _print_activities(activities, settings, in_list=True)


def _print_activities(activities: Sequence[Activity], settings: Settings, **columns: bool) -> None:
    from .tables import activity_table

    click.echo(activity_table(activities, settings.times, **columns))

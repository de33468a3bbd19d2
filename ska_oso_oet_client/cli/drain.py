"""``oet drain`` and ``oet resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import OETError
from ..model import DrainState
from ..terminal import printable
from .command import OetCommand
from .settings import Settings, pass_settings, tell
from .showing import show_json
from .times import Times

if TYPE_CHECKING:
    from ..client import OETClient


@click.command(cls=OetCommand)
@click.option("--reason", metavar="TEXT", help="Why, for those whose work is refused.")
@pass_settings
def drain(settings: Settings, reason: str | None) -> None:
    """Have the OET take no new work, for an upgrade say.

    What runs goes on and can be stopped; nothing can be created or started before oet resume. An
    OET that is drained already stays as it was.
    """
    with settings.client() as client:
        state = client.drain(reason)
    if settings.as_json:
        show_json(state.document)
    else:
        click.echo(f"Drained {how_drained(state, settings.times)}")
    tell(f"Subarray {client.subarray_id} takes no new work")


@click.command(cls=OetCommand)
@pass_settings
def resume(settings: Settings) -> None:
    """Have the OET take new work again after oet drain; no script is paused or goes on by it."""
    with settings.client() as client:
        was_drained = _is_drained(client)
        state = client.resume()
    if settings.as_json:
        show_json(state.document)
    elif was_drained is False:
        click.echo("It was not drained; nothing has changed")
    else:
        click.echo("New work is taken again")
    tell(f"Subarray {client.subarray_id} takes new work")


def _is_drained(client: OETClient) -> bool | None:
    try:
        return client.status().drain.drained
    except OETError:  # it may be resumed all the same
        return None


def how_drained(state: DrainState, times: Times) -> str:
    """Since when, by whom and why."""
    since = "" if state.since is None else f"since {times.in_a_sentence(state.since)}"
    by = f" by {state.by}" if state.by else ""
    why = f": {state.reason}" if state.reason else ""
    return printable(f"{since}{by}{why}")

"""``oet drain``, ``resume`` and ``wait_for_qa_ready``: the operator's decisions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from ..errors import OETError
from ..model import DrainState
from ..model.pace import PAUSED
from ..terminal import printable
from .command import OetCommand
from .interruption import answered
from .settings import Settings, pass_settings, tell, typed
from .showing import show_json
from .times import Times

if TYPE_CHECKING:
    from ..client import OETClient


@click.command(cls=OetCommand)
@click.option("--reason", metavar="TEXT", help="Why, for those whose work is refused.")
@pass_settings
def drain(settings: Settings, reason: str | None) -> None:
    """Refuse new work, before an upgrade for example.

    What runs goes on and can be stopped; nothing can be created or started before oet resume. If
    new work is refused already, the first reason is kept.
    """
    with settings.client() as client:
        was_drained = reason is not None and _is_drained(client)
        with _answered():
            state = client.drain(reason)
    if settings.as_json:
        show_json(state.document)
    else:
        click.echo(f"Drained {how_drained(state, settings.times)}")
    if was_drained:
        tell(
            "It was drained before, and keeps its first reason; yours is not taken. "
            f"To change it, end that drain first: {typed('resume')}"
        )
    tell(f"Subarray {client.subarray_id} takes no new work")


@click.command(cls=OetCommand)
@pass_settings
def resume(settings: Settings) -> None:
    """Take new work again after oet drain. Neither pauses or resumes a script."""
    with settings.client() as client:
        was_drained = _is_drained(client)
        with _answered():
            state = client.resume()
        running = client.running_procedure() if was_drained is False else None
    if settings.as_json:
        show_json(state.document)
    elif was_drained is False:
        click.echo("It was not drained; nothing has changed")
    else:
        click.echo("New work is taken again")
    tell(f"Subarray {client.subarray_id} takes new work")
    if running is not None and running.pause.state == PAUSED:
        again = typed(f"procedure resume --pid={running.id}")
        tell(f"Procedure {running.id} is paused; to have it go on: {again}")


def _answered() -> AbstractContextManager[None]:
    return answered(f"It may have taken effect; to see it: {typed('status')}")


def _is_drained(client: OETClient) -> bool | None:
    try:
        return client.status().drain.drained
    except OETError:  # it may have been resumed
        return None


def how_drained(state: DrainState, times: Times) -> str:
    """Time, user and reason of a drain."""
    since = "" if state.since is None else f"since {times.in_a_sentence(state.since)}"
    by = f" by {state.by}" if state.by else ""
    why = f": {state.reason}" if state.reason else ""
    return printable(f"{since}{by}{why}")


_SENTENCES = {
    "enable": "always wait for QA before scanning",
    "disable": "never wait for QA before scanning",
    "override": "bypass any active wait for QA",
}

_MEANINGS = {
    "enable": "each scan waits for QA from now on",
    "disable": "no scan waits for QA from now on",
    "override": "the current scan does not wait for QA",
}


@click.command("wait_for_qa_ready", cls=OetCommand)
@click.argument("action", metavar="ACTION", type=click.Choice(list(_SENTENCES)))
@pass_settings
def wait_for_qa_ready(settings: Settings, action: str) -> None:
    """Choose whether scripts wait until QA is ready before each scan.

    ACTION is enable or disable, for all scans from now on, or override, which ends only the wait
    of the script that is running.
    """
    with settings.client() as client, _answered():
        switch = client.set_qa_switch(action)
    if settings.as_json:
        show_json(switch.document)
    else:
        click.echo(f"Sent command: {_SENTENCES[action]}")
    tell(f"Subarray {client.subarray_id}: {_MEANINGS[action]}")

"""``oet procedure pause``, ``resume`` and ``answer``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ...errors import RefusedError
from ...exit_status import ExitStatus
from ...model import RUNNING, Procedure
from ...model.pace import PAUSED, Pause
from ...terminal import printable
from ..command import OetCommand
from ..default_ids import pid_option
from ..following import told_on_ctrl_c
from ..interruption import answered
from ..live import waiting
from ..questions import asked
from ..settings import Settings, pass_settings, tell, typed
from ..showing import show_json
from ..switches import flag

if TYPE_CHECKING:
    from ...client import OETClient

_RUNNING = "the running one"
_POLL = 0.2


@click.command(cls=OetCommand)
@pid_option(_RUNNING)
@click.option(
    "--at",
    metavar="REGEX",
    help="Pause at a checkpoint with this name.  [default: the next one]",
)
@click.option("--note", metavar="TEXT", help="Why, for other operators.")
@flag("--wait", help="Return when the script has paused, or has ended.")
@pass_settings
def pause(
    settings: Settings, pid: int | None, at: str | None, note: str | None, wait: bool
) -> ExitStatus:
    """Have a running script pause at its next checkpoint, and stay there until it is resumed.

    The script says where it can pause. One that has no checkpoint, or passes no other one, is not
    paused, and this is told. A paused script is RUNNING, and can be stopped.
    """
    with settings.client() as client:
        pid = _running(client, pid)
        before = client.procedure(pid).pause
        with answered(f"It may pause; to see it: {typed(f'procedure describe --pid={pid}')}"):
            state = client.pause_procedure(pid, at, note)
        if wait and state.state == "requested":
            tell(_sentence(pid, state))
            resume = typed(f"procedure resume --pid={pid}")
            with (
                told_on_ctrl_c(f"Stopped waiting; procedure {pid} is to pause. To undo: {resume}"),
                waiting(f"waiting until procedure {pid} has paused"),
            ):
                state = _until_paused(client, pid)
        if settings.as_json:
            show_json(client.procedure(pid).document["pause"])
        elif before.state == PAUSED:
            click.echo(f"Procedure {pid} was paused already at {before.place}; nothing changes")
        else:
            click.echo(printable(_sentence(pid, state)))
        if state.state in (PAUSED, "requested"):
            tell(f"To have it go on: {typed(f'procedure resume --pid={pid}')}")
    return ExitStatus.DONE if not wait or state.state == PAUSED else ExitStatus.SCRIPT_FAILED


def _until_paused(client: OETClient, pid: int) -> Pause:
    while True:
        found = client.patiently(lambda: client.procedure(pid), tell)
        if found.is_final or found.pause.state != "requested":
            return found.pause
        time.sleep(_POLL)


def _sentence(pid: int, pause: Pause) -> str:
    if pause.state == PAUSED:
        return f"Procedure {pid} has paused at {pause.place}"
    if pause.state == "requested":
        where = f"a checkpoint that matches {pause.at}" if pause.at else "its next checkpoint"
        return f"Procedure {pid} pauses at {where}" + (f": {pause.note}" if pause.note else "")
    if pause.state == "missed":
        where = f"a checkpoint that matches {pause.at}" if pause.at else "another checkpoint"
        return f"Procedure {pid} has ended without a pause: it has not passed {where}"
    return f"Procedure {pid} does not pause"


@click.command(cls=OetCommand)
@pid_option(_RUNNING)
@pass_settings
def resume(settings: Settings, pid: int | None) -> None:
    """Have a paused script go on, or withdraw a pause that has not begun.

    To take new work again after a drain: oet resume.
    """
    with settings.client() as client:
        pid = _running(client, pid)
        before = client.procedure(pid).pause.state
        with answered(f"It may go on; to see it: {typed(f'procedure describe --pid={pid}')}"):
            client.resume_procedure(pid)
        if settings.as_json:
            show_json(client.procedure(pid).document["pause"])
    if not settings.as_json:
        click.echo(_RESUMED.get(before, "Procedure {pid} was not paused").format(pid=pid))


_RESUMED = {
    PAUSED: "Procedure {pid} goes on",
    "requested": "Procedure {pid} does not pause",
}


@click.command(cls=OetCommand)
@click.argument("answer", metavar="ANSWER", required=False)
@click.option("--pid", type=click.IntRange(0), metavar="ID", help=f"[default: {_RUNNING}]")
@pass_settings
def answer(settings: Settings, answer: str | None, pid: int | None) -> None:
    """Answer the question of a script; without ANSWER, show the question."""
    with settings.client() as client:
        pid = _asking(client) if pid is None else pid
        question = client.question(pid)
        if answer is not None:
            how = f"To see whether it has your answer: {typed(f'procedure answer --pid={pid}')}"
            with answered(how):
                client.answer_question(pid, answer, question.n if question.is_open else None)
        if settings.as_json:
            show_json(client.procedure(pid).document["question"] or {"state": "none"})
        elif answer is None:
            click.echo(printable(asked(pid, question, settings.times)))
        else:
            click.echo(printable(f"Procedure {pid} has the answer {answer}"))


def _asking(client: OETClient) -> int:
    """The procedure that asks, else the one that is running; dry runs ask as well."""
    asking = [
        found
        for found in client.procedures()
        if found.state == RUNNING and found.question is not None and found.question.is_open
    ]
    return asking[-1].id if asking else _running(client, None)


def _running(client: OETClient, pid: int | None) -> int:
    """The procedure that is meant."""
    if pid is not None:
        return pid
    found: Procedure | None = client.running_procedure()
    if found is None:
        raise RefusedError(f"Nothing is {RUNNING} on subarray {client.subarray_id}")
    tell(f"Procedure {found.id} ({found.script.uri}) is meant, {_RUNNING}")
    return found.id

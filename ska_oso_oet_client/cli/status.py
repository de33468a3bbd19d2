"""``oet status``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import click

from ..errors import InvalidRequestError, OETError
from ..exit_status import ExitStatus
from ..model import RUNNING, QaSwitch, ServerStatus, commanding
from ..model.pace import PAUSED
from ..terminal import printable
from .command import OetCommand
from .operator import how_drained
from .overview import Subarrays, as_json, as_text, ask_all, exit_status
from .settings import Settings, pass_settings, typed
from .switches import flag
from .times import Times
from .watching import watch

_GIBIBYTE = 1024**3
_SWITCH = {True: "yes", False: "no", None: "unknown"}


@click.command(cls=OetCommand)
@click.option(
    "--all",
    "subarrays",
    type=Subarrays(),
    metavar="[1,2,5-8]",
    help="One line for each subarray, of all there may be or of a list.",
)
@flag("--watch", "watched", help="Show it again and again, until Ctrl-C.")
@pass_settings
def status(settings: Settings, subarrays: list[int] | None, watched: bool) -> ExitStatus:
    """Show whether the OET is ready and what it runs; the exit status is 3 if it is not ready.

    Running is the script that commands the telescope: a main, an init or an abort. obsState is the
    last one that a script reported.
    """
    render = (
        partial(_look, settings) if subarrays is None else partial(_survey, settings, subarrays)
    )
    if not watched:
        text, ended = render()
        click.echo(text)
        return ended
    watch(partial(_undisturbed, render))
    return ExitStatus.DONE


Looked = tuple[str, ExitStatus]
"""The lines to print, and the exit status."""


def _look(settings: Settings) -> Looked:
    with settings.client() as client:
        found = client.status()
    text = json.dumps(found.document) if settings.as_json else _text(client.url, found, settings)
    return text, ExitStatus.DONE if found.ready else ExitStatus.REFUSED


def _survey(settings: Settings, subarrays: list[int]) -> Looked:
    answers = ask_all(settings, subarrays)
    ended = exit_status(answers)
    text = json.dumps(as_json(answers)) if settings.as_json else as_text(answers, settings.times)
    return text, ended


def _undisturbed(render: Callable[[], Looked]) -> str:
    """Continue watching while the server is away."""
    try:
        return render()[0]
    except InvalidRequestError:
        raise
    except OETError as error:
        return printable(str(error))


def _text(url: str, found: ServerStatus, settings: Settings) -> str:
    from .tables import procedure_table, table

    disk = "" if found.disk_free is None else f"{found.disk_free / _GIBIBYTE:.1f} GiB"
    rows = [
        ("Server", url),
        ("Version", found.version),
        ("Subarray", str(found.subarray_id)),
        ("Ready", "yes" if found.ready else "no"),
        *([("Drained", how_drained(found.drain, settings.times))] if found.drain.drained else []),
        *found.workers.items(),
        ("Disk free", disk),
        *_store_rows(found.stores),
        *_qa_rows(found.qa),
        *_obs_state_rows(found, settings.times),
        *_abort_rows(found, settings.times),
        ("Running", _running(found)),
    ]
    text = table(("Property", "Value"), rows)
    if found.alive:
        text += "\n\n" + procedure_table(found.alive, settings.times)
    return text


def _running(found: ServerStatus) -> str:
    running = commanding(found.alive)
    if running is None:
        return "nothing" if found.knows_runs else "unknown"
    words = [f"{running.id}"]
    if running.state != RUNNING:
        words.append(running.state)
    elif running.pause.state == PAUSED:
        words.append(f"paused at {running.pause.place}")
    elif running.progress is not None:
        words.append(str(running.progress))
    if running.question is not None and running.question.is_open:
        words.append(f"asks: {running.question.text}")
    return printable(", ".join(words))


def _obs_state_rows(found: ServerStatus, times: Times) -> Iterator[tuple[str, str]]:
    told = found.obs_state
    if told is not None:
        when = times.in_a_sentence(told.time)
        yield "obsState", f"{told.name}, as procedure {told.procedure_id} told at {when}"


def _abort_rows(found: ServerStatus, times: Times) -> Iterator[tuple[str, str]]:
    failed = found.not_aborted
    if failed is not None:
        when = times.in_a_sentence(failed.time)
        remedy = f"to abort, when the reason is gone: {typed('abort')}"
        yield "NOT ABORTED", f"at {when}: {failed.detail}; {remedy}"


def _store_rows(stores: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for name, state in stores.items():
        if state is not None:
            yield name.replace("_", " ").capitalize(), state


def _qa_rows(switch: QaSwitch) -> Iterator[tuple[str, str]]:
    yield "Wait for QA", _SWITCH[switch.wait_for_qa_ready]
    override = switch.override
    if override is not None:
        yield "QA override", f"{override.state} for procedure {override.procedure_id}"

"""All subarrays side by side, each from its own OET, without a database."""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from ..address import LAST_SUBARRAY, leaves_open
from ..errors import BadAnswerError, OETError, RefusedError, UnreachableError
from ..exit_status import ExitStatus
from ..model import ServerStatus, commanding
from .settings import Settings
from .times import Times

PATIENCE = 2.0
"""Seconds that all of them together have to answer."""

_HEADERS = ("Subarray", "Ready", "Running", "Since", "By", "obsState")

Answers = Mapping[int, ServerStatus | OETError]


class _Lists:
    """Recognises the list after ``--all``."""

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and re.fullmatch(r"[\d,-]+", word) is not None


class Subarrays(click.types.BoolParamType):
    """Yes for all there may be, else a list: ``1,2,5-8``."""

    name = "1,2,5-8"
    words = _Lists()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str) or value.strip().lower() in ("true", "false"):
            yes = super().convert(value, param, ctx)
            return list(range(1, LAST_SUBARRAY + 1)) if yes else None
        try:
            found = {number for part in value.split(",") for number in _range(part)}
        except ValueError:
            found = {0}
        if not found <= set(range(1, LAST_SUBARRAY + 1)):
            self.fail(f"needs numbers from 1 to {LAST_SUBARRAY}, such as 1,2,5-8", param, ctx)
        return sorted(found)


def _range(part: str) -> Iterable[int]:
    first, dash, last = part.partition("-")
    numbers = range(int(first), int(last if dash else first) + 1)
    if not numbers or len(numbers) > LAST_SUBARRAY:
        raise ValueError(part)
    return numbers


def ask_all(settings: Settings, subarrays: Sequence[int]) -> Answers:
    """The status of each subarray's OET, or an error if it is late.

    Subarrays without an OET are omitted, unless they were named.
    """
    from ..client import OETClient

    if not leaves_open(settings.server_url, os.environ):
        raise click.UsageError("--all needs {SUBARRAY_ID} in the server URL, as it names only one")
    told: queue.SimpleQueue[tuple[int, ServerStatus | OETError]] = queue.SimpleQueue()

    def ask(subarray: int) -> None:
        try:
            with OETClient(settings.server_url, subarray) as client:
                told.put((subarray, client.status()))
        except OETError as error:
            told.put((subarray, error))

    late = UnreachableError(settings.server_url or "", f"no answer within {PATIENCE:g} s")
    found: dict[int, ServerStatus | OETError] = dict.fromkeys(subarrays, late)
    for subarray in subarrays:
        # As daemons, so that an OET without an answer does not delay the end of the command.
        threading.Thread(target=ask, args=(subarray,), daemon=True).start()
    deadline = time.monotonic() + PATIENCE
    for _ in subarrays:
        try:
            subarray, answer = told.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[subarray] = answer
    if len(subarrays) == LAST_SUBARRAY:
        found = {n: answer for n, answer in found.items() if not _is_absent(answer)} or found
    return found


def _is_absent(answer: ServerStatus | OETError) -> bool:
    return isinstance(answer, RefusedError | BadAnswerError) and answer.status == 404


def exit_status(answers: Answers) -> ExitStatus:
    """The exit status; raises the first error if all failed alike."""
    errors = [answer for answer in answers.values() if isinstance(answer, OETError)]
    if errors and len(errors) == len(answers) and len({type(error) for error in errors}) == 1:
        raise errors[0]
    if any(not isinstance(error, RefusedError) for error in errors):
        return ExitStatus.UNREACHABLE
    ready = all(isinstance(found, ServerStatus) and found.ready for found in answers.values())
    return ExitStatus.DONE if ready else ExitStatus.REFUSED


def as_json(answers: Answers) -> list[dict[str, Any]]:
    """One object for each subarray; ``status`` is the server's, or null if there is an error."""
    return [
        {"subarray_id": subarray, "status": None, "error": str(answer)}
        if isinstance(answer, OETError)
        else {"subarray_id": subarray, "status": dict(answer.document), "error": None}
        for subarray, answer in sorted(answers.items())
    ]


def as_text(answers: Answers, times: Times) -> str:
    """One line for each subarray."""
    from .tables import table

    return table(_HEADERS, [_row(n, answer, times) for n, answer in sorted(answers.items())])


def _row(subarray: int, answer: ServerStatus | OETError, times: Times) -> tuple[Any, ...]:
    if isinstance(answer, OETError):
        why = answer.reason if isinstance(answer, UnreachableError) else str(answer)
        return subarray, "no", f"unknown: {why}", "", "", ""
    ready = "yes" if answer.ready else "drained" if answer.drain.drained else "no"
    told = [answer.obs_state.name] if answer.obs_state else []
    obs_state = ", ".join([*told, *(["NOT ABORTED"] if answer.not_aborted else [])])
    running = commanding(answer.alive)
    if running is None:
        return subarray, ready, "nothing" if answer.knows_runs else "unknown", "", "", obs_state
    name = f"{running.id} {running.script.uri}"
    since = times.to_the_second(running.history[-1].time) if running.history else ""
    state = f"{running.state} {name}" if running.state != "RUNNING" else name
    return subarray, ready, state, since, running.started_by or running.created_by, obs_state

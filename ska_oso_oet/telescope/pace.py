"""The pace of a script: places where it can pause, its progress, questions to the operator.

Under the OET, operators pause the script at its checkpoints, see its progress and answer its questions. Under
plain Python nothing pauses, and questions are asked in the terminal.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_MODULE = "_oet_pacing"  #: where the OET leaves its part


def _pacing() -> Any:
    """The OET's part; none under plain Python."""
    return getattr(sys.modules.get(_MODULE), "pacing", None)


def checkpoint(
    name: str,
    n: int | None = None,
    of: int | None = None,
    pausing: Callable[[], Any] | None = None,
    resuming: Callable[[], Any] | None = None,
) -> None:
    """Return at once, or wait here while the operator wants the script to pause.

    Nothing is repeated: the script goes on behind the checkpoint. Only the main thread of ``main`` pauses;
    all others get a warning and go on.

    :param name: of this place, such as ``"scan"``; operators choose by it where to pause
    :param n: the number of this pass, such as that of the scan
    :param of: how many there will be
    :param pausing: called before the script stands, to leave the subarray quiet
    :param resuming: called before it goes on
    """
    if (pacing := _pacing()) is not None:
        pacing.checkpoint(name, n, of, pausing, resuming)


@contextlib.contextmanager
def critical(name: str, at_most: float) -> Iterator[None]:
    """Do not interrupt this block: a stop waits until its end.

    :param name: told in warnings
    :param at_most: seconds a stop waits, but no longer than the server's ``OET_CRITICAL_LIMIT``; a forced
        stop does not wait
    """
    pacing = _pacing()
    entered = pacing is not None and pacing.enter_critical(name, at_most)
    try:
        yield
    finally:
        if entered:
            pacing.leave_critical()


def progress(done: float, of: float | None = None, unit: str = "scans", text: str = "") -> None:
    """Tell how far the script is; may be called often, the last word of each second is passed on.

    :param done: how much is done
    :param of: how much there is to do, if that is known
    :param unit: what is counted
    :param text: what the script is at
    """
    if (pacing := _pacing()) is not None:
        pacing.progress(done, of, unit, text)


def estimate(seconds: float) -> None:
    """Tell how long ``main`` takes in all; may be called in ``init``, and again when more is known.

    A constant ``ESTIMATE`` of the script does the same.

    :param seconds: above 0
    """
    if (pacing := _pacing()) is not None:
        pacing.estimate(seconds)


def ask(
    question: str,
    choices: Sequence[str] | None = None,
    timeout: float | None = None,
    default: str | None = None,
) -> str:
    """Ask the operator, and wait for the answer.

    :param choices: the possible answers; none means any text
    :param timeout: seconds after which the default is the answer; none means as long as it takes
    :param default: one of the choices
    :raises TimeoutError: if nobody answers in time, and there is no default
    :raises ValueError: if the default is not one of the choices, or the time is none
    :raises RuntimeError: if ``main`` does not run
    """
    if choices is not None:
        choices = [str(choice) for choice in choices]
        if len(choices) > 100 or any(len(choice) > 200 for choice in choices):
            raise ValueError("a question has at most 100 choices of 200 characters")
        if not choices:
            raise ValueError("a question needs at least one choice, or none given for any text")
        if default is not None and default not in choices:
            raise ValueError(f"the default {default!r} is not one of the choices {', '.join(choices)}")
    if timeout is not None and not 0 < timeout < 1e7:
        raise ValueError(f"the time for an answer must be a number of seconds above 0, not {timeout!r}")
    if (pacing := _pacing()) is not None:
        answer: str = pacing.ask(question, choices, timeout, default)
        return answer
    return _ask_here(question, choices, default)


def _ask_here(question: str, choices: Sequence[str] | None, default: str | None) -> str:
    shown = question if choices is None else f"{question} ({', '.join(choices)})"
    while True:
        answer = input(f"{shown} ") or default
        if answer is not None and (choices is None or answer in choices):
            return answer

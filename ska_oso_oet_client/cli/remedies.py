"""Refusals in the terminal: why, of which OET, and what to do next."""

from __future__ import annotations

import re

from ..errors import (
    BadAnswerError,
    LoginFailedError,
    OETError,
    ProviderUnreachableError,
    RefusedError,
)
from ..retry import PASSING_STATUSES
from .settings import Settings

_ABOUT_ITS_STATE = (404, 409, *PASSING_STATUSES)  # of HTTP

_COMMAND = re.compile(r"\boet ([a-z_]+(?: [^\s,;`]+)*)(?<!\.)")
"""The server writes a command so that it ends with the sentence, or at a mark."""

_REMEDY = re.compile(
    r"; (?=[^;]*\boet [a-z]|(?:ask|check|end|log in|repair|send it|set|take|to |try|wait)\b)"
)

# What the server's sentences leave open: the words to type are the client's.
_NEXT = (
    (
        re.compile(r"There is no (procedure|activity) \d+$"),
        "to see which there are: oet {0} list --all",
    ),
    (
        re.compile(r"procedure (\d+) is (?:RUNNING|being started)$"),
        "to stop that one: oet procedure stop --pid={0}",
    ),
    (
        re.compile(r"Procedure (\d+) is still .* goes on$"),
        "to see it: oet procedure describe --pid={0}",
    ),
    (re.compile("(the API is at) /[^ ]+$"), "set OET_URL or --server-url to that address"),
    (re.compile("(does not accept this login): "), "to log in again: oet login"),
    (
        re.compile("(you need the permission '[a-z]+'|your token is not for subarray [0-9]+)$"),
        "the administrators of the OET grant it",
    ),
    (re.compile("(Not permitted by) "), "log in as a user who may: oet login"),
)
_AGAIN = "try again shortly"
_NEXT_AFTER: tuple[tuple[type[OETError], str], ...] = (
    (BadAnswerError, "set OET_URL or --server-url to the address of an OET"),
    (ProviderUnreachableError, _AGAIN),
    (LoginFailedError, "to try again: oet login"),
)


def sentence(error: OETError, settings: Settings) -> str:
    """The line for people; commands in it are for the same OET as this one."""
    words, remedy = str(error), _remedy(error)
    if isinstance(error, RefusedError) and error.status is not None:
        if error.status in _ABOUT_ITS_STATE:
            words = _with_subarray(words, settings.asked)
        words = _for_same_oet(words, settings)
    return f"{words}; {_for_same_oet(remedy, settings)}" if remedy else words


def _for_same_oet(words: str, settings: Settings) -> str:
    return _COMMAND.sub(lambda found: settings.typed(found[1]), words)


def _with_subarray(words: str, subarray_id: int | None) -> str:
    if subarray_id is None or re.search(r"subarray \d", words):
        return words
    remedy = _REMEDY.search(words)
    end = remedy.start() if remedy else len(words)
    return f"{words[:end]} (subarray {subarray_id}){words[end:]}"


def _remedy(error: OETError) -> str | None:
    words = str(error)
    for pattern, remedy in _NEXT:
        if found := pattern.search(words):
            return remedy.format(found[1])
    if isinstance(error, RefusedError) and error.status in PASSING_STATUSES:
        return None if _REMEDY.search(words) or "oet " in words else _AGAIN
    if isinstance(error, LoginFailedError) and _REMEDY.search(words):
        return None
    return next((remedy for kind, remedy in _NEXT_AFTER if isinstance(error, kind)), None)

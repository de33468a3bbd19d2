"""The filter options of lists, and the times in them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from .settings import Settings
from .switches import flag
from .times import Times

F = TypeVar("F", bound=Callable[..., Any])

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def moment(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """The callback of an option for a time, or for a duration before now."""
    if value is None:
        return None
    ago = _AGO.fullmatch(value.strip())
    if ago is not None:
        return time.time() - float(ago[1]) * _SECONDS[ago[2]]
    try:
        return Times(context.ensure_object(Settings).local).read(value.strip())
    except ValueError:
        raise click.BadParameter(
            "needs a time, such as '2026-11-22 14:00' (UTC), or a while, such as 90min, 12h or 7d",
            context,
            option,
        ) from None


def _states(context: click.Context, option: click.Parameter, value: str | None) -> list[str] | None:
    return [name.strip().upper() for name in (value or "").split(",") if name.strip()] or None


def selection_options(function: F) -> F:
    """``--all`` as ``everything``; the other options have the names of the client's arguments."""
    for decorate in reversed(
        (
            flag(
                "--all",
                "everything",
                help="Not only the ten newest, but all there ever were, as far as they are kept.",
            ),
            click.option(
                "--limit",
                type=click.IntRange(1),
                metavar="N",
                help="At most the N newest.  [default: 50 of all]",
            ),
            click.option(
                "--state",
                callback=_states,
                metavar="STATES",
                help="Only those in this state, or one of these (FAILED,STOPPED).",
            ),
            click.option(
                "--script",
                metavar="TEXT",
                help="Only scripts with this in their URI; * is any letters, ? is one.",
            ),
            click.option(
                "--since",
                metavar="TIME",
                callback=moment,
                help="Only those made since a time, UTC but with --local, or a while ago "
                "(90min, 12h, 7d).",
            ),
        )
    ):
        function = decorate(function)
    return function


def refuse_beside(
    name: str, number: int | None, selection: dict[str, Any], everything: bool
) -> None:
    """Refuse filters beside an ID."""
    if number is not None and (
        everything or any(value is not None for value in selection.values())
    ):
        raise click.UsageError(
            f"{name} selects one already; leave it out, or the options that select others"
        )


def nothing(kind: str, everything: bool) -> str:
    """The sentence for an empty selection."""
    beyond = "" if everything else "; --all looks beyond the ten newest"
    return f"No {kind} matches{beyond}"

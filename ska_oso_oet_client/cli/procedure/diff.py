"""``oet procedure diff``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import click

from ...model import CallArguments, Procedure
from ...terminal import shortened
from ..command import OetCommand
from ..durations import for_people
from ..settings import Settings, completed, pass_settings
from ..showing import show_json

_ID = click.IntRange(0)
_ADDED = "context"  #: the argument of main that the OET adds to a call
_LONGEST = 300  #: characters of an argument in the table
_HASH = 12  #: digits of a hash in the table


class Difference(NamedTuple):
    """A field with its two values; ``written`` is for people."""

    field: str
    first: Any
    second: Any
    written: Callable[[Any], Any] = lambda value: value


@click.command(cls=OetCommand)
@click.argument("first", type=_ID, metavar="ID", shell_complete=completed("procedures"))
@click.argument("second", type=_ID, metavar="ID", shell_complete=completed("procedures"))
@pass_settings
def diff(settings: Settings, first: int, second: int) -> None:
    """Show in what two procedures differ.

    Compared are script, commit, environment, arguments, outcome and duration. Arguments that may
    be secret are not kept, and not compared.
    """
    with settings.client() as client:
        found = list(_differences(client.procedure(first), client.procedure(second)))
    if settings.as_json:
        differs = [{"field": one.field, "first": one.first, "second": one.second} for one in found]
        show_json({"first": first, "second": second, "differs": differs})
    elif not found:
        click.echo(f"Procedures {first} and {second} do not differ")
    else:
        from ..tables import table

        headers = ("Field", f"Procedure {first}", f"Procedure {second}")
        click.echo(table(headers, [_row(one) for one in found]))


def _row(one: Difference) -> tuple[str, Any, Any]:
    a, b = (None if of is None else one.written(of) for of in (one.first, one.second))
    return one.field, a, b


def _differences(one: Procedure, other: Procedure) -> Iterator[Difference]:
    compared = (
        ("script", lambda of: of.script.uri),
        ("repository", lambda of: of.script.git_repo),
        ("branch", lambda of: of.script.resolved_branch or of.script.git_branch),
        ("commit", lambda of: of.script.resolved_commit or of.script.git_commit),
        ("dry run", lambda of: of.simulated),
        ("environment", lambda of: of.script.create_env if of.script.is_git else None),
    )
    yield from _fields(one, other, compared)
    if one.script_sha256 != other.script_sha256:
        yield Difference("SHA-256", one.script_sha256, other.script_sha256, lambda of: of[:_HASH])
    for function in ("init", "main"):
        yield from _arguments(function, getattr(one, function), getattr(other, function))
    ends = (
        ("state", lambda of: of.state),
        ("outcome", lambda of: of.outcome and of.outcome.reason),
        ("detail", lambda of: of.outcome and of.outcome.detail),
        ("result", lambda of: of.outcome and of.outcome.result),
    )
    yield from _fields(one, other, ends)
    took, long = _seconds(one), _seconds(other)
    if took != long:
        yield Difference("duration", took, long, for_people)


def _fields(
    one: Procedure,
    other: Procedure,
    fields: Iterable[tuple[str, Callable[[Procedure], Any]]],
) -> Iterator[Difference]:
    for name, of in fields:
        if of(one) != of(other):
            yield Difference(name, of(one), of(other))


def _arguments(function: str, one: CallArguments, other: CallArguments) -> Iterator[Difference]:
    if not _same(one.args, other.args):
        yield Difference(f"arguments of {function}", list(one.args), list(other.args), _written)
    for name in dict.fromkeys([*one.kwargs, *other.kwargs]):
        in_both = name in one.kwargs and name in other.kwargs
        if name == _ADDED and not in_both:  # one of them was not started yet
            continue
        a, b = one.kwargs.get(name), other.kwargs.get(name)
        if not in_both or not _same(a, b):
            yield Difference(f"{name} of {function}", a, b, _written)


def _seconds(one: Procedure) -> float | None:
    """How long main took, as exactly as durations are shown."""
    if one.started is None or one.ended is None:
        return None
    return round(one.ended - one.started, 1)


def _same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)  # 1, 1.0 and True are not the same


def _written(value: Any) -> str:
    return shortened(repr(value), _LONGEST)

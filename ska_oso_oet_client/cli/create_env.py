"""The option that gives a script an environment of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..script_source import FRESH

F = TypeVar("F", bound=Callable[..., Any])


class _YesNoOrFresh(click.types.BoolParamType):
    """Like a switch, with one word more."""

    name = "True|False|fresh"
    words = frozenset({FRESH})

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.strip().lower() == FRESH:
            return FRESH
        return super().convert(value, param, ctx)


def create_env_option(spelling: str) -> Callable[[F], F]:
    """The decorator that adds it."""
    return click.option(
        spelling,
        type=_YesNoOrFresh(),
        default=False,
        show_default=True,
        help="Give a script from git an environment with its repository's own dependencies; with "
        "fresh a new one, even though there is one for its commit.",
    )

"""Options that are on or off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..script_source import FRESH

F = TypeVar("F", bound=Callable[..., Any])


class _YesNoOrFresh(click.types.BoolParamType):
    """A switch with one more value."""

    name = "True|False|fresh"
    words = frozenset({FRESH})

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.strip().lower() == FRESH:
            return FRESH
        return super().convert(value, param, ctx)


def flag(*names: str, help: str, default: bool = False) -> Callable[[F], F]:
    """An option that needs no value: ``--name`` or ``--no-name``."""
    return click.option(*names, type=bool, default=default, metavar="", help=help)


def switch(name: str, *, help: str, default: bool = False) -> Callable[[F], F]:
    """An option that is shown with its values: ``--name=True``."""
    return click.option(name, type=bool, default=default, show_default=True, help=help)


def create_env_option(spelling: str) -> Callable[[F], F]:
    """The option to run a script in an environment of its own."""
    return click.option(
        spelling,
        type=_YesNoOrFresh(),
        default=False,
        show_default=True,
        help="Give a script from git an environment with its repository's own dependencies; with "
        "fresh a new one, even though there is one for its commit.",
    )

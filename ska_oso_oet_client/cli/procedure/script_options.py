"""Options that say which script to load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import click

from ...script_source import CreateEnv
from ..create_env import create_env_option
from ..settings import completed

_NOTHING = frozenset({"", "none", "null"})


class ScriptOptions(TypedDict):
    git_repo: str | None
    git_branch: str | None
    git_commit: str | None
    create_env: CreateEnv


def _text_or_none(context: click.Context, option: click.Parameter, value: Any) -> str | None:
    # The documented default is typed as --git_commit=None.
    return None if value is None or value.lower() in _NOTHING else value


def script_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the script's URI and the git options."""
    decorators = (
        click.argument("script_uri", metavar="SCRIPT_URI", shell_complete=completed("scripts")),
        click.option(
            "--git_repo",
            callback=_text_or_none,
            help="Git repository of the script.  [default: the server's]",
        ),
        click.option(
            "--git_branch",
            callback=_text_or_none,
            help="Branch or tag to take the script from.  [default: the default branch]",
        ),
        click.option("--git_commit", callback=_text_or_none, help="Commit, instead of a branch."),
        create_env_option("--create_env"),
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function

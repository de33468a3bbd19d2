"""Suggests commands for an unknown one."""

from __future__ import annotations

from collections.abc import Iterator

import click

from .command import OetGroup
from .misspellings import alike

_OTHER_WORDS = {
    **dict.fromkeys(("abort", "cancel", "end", "halt", "kill", "terminate"), "stop"),
    **dict.fromkeys(("delete", "rm"), "remove"),
    **dict.fromkeys(("get", "info", "inspect"), "describe"),
    **dict.fromkeys(("log", "output", "tail"), "logs"),
    **dict.fromkeys(("exec", "execute", "launch", "submit"), "run"),
    **dict.fromkeys(("load", "new", "prepare"), "create"),
    **dict.fromkeys(("events", "watch"), "listen"),
    "env": "environment",
    "unpause": "resume",
}


def unknown_command(group: OetGroup, context: click.Context, word: str) -> str:
    """The error for a ``word`` that is no command of ``group``."""
    path = context.command_path
    groups = list(_groups(context))
    meant = (
        [f"{where} {word}" for where, other in groups if word in other.lazy]
        or [f"{path} {name}" for name in _alike(word, group)]
        or [f"{where} {name}" for where, other in groups for name in _alike(word, other)]
    )
    if meant:
        return f"No such command {word!r}; did you mean {' or '.join(meant)}?"
    return f"No such command {word!r}; to see all there are: {path} --help"


def _alike(word: str, group: OetGroup) -> list[str]:
    other = _OTHER_WORDS.get(word)
    if other is not None and other in group.lazy:
        return [other]
    return alike(word.lower(), group.lazy)


def _groups(context: click.Context) -> Iterator[tuple[str, OetGroup]]:
    root = context.find_root()
    if isinstance(root.command, OetGroup):
        yield "oet", root.command
        for name in root.command.lazy:
            command = root.command.get_command(root, name)
            if isinstance(command, OetGroup):
                yield f"oet {name}", command

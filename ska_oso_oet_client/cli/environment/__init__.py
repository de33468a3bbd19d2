"""``oet environment``: what the server keeps for scripts from git."""

from __future__ import annotations

import click

from ..command import OetGroup

COMMANDS = {
    "list": (".environment.list:list_", "Show environments, work trees and mirrors."),
    "remove": (".environment.remove:remove", "Remove one of them."),
}


ALIASES = {"ls": COMMANDS["list"][0], "rm": COMMANDS["remove"][0]}


@click.group(cls=OetGroup, lazy=COMMANDS, aliases=ALIASES)
def environment() -> None:
    """See and free what the server keeps for scripts from git.

    Environments hold the dependencies of one commit, work trees its files, mirrors the history
    of a repository. All are made again when they are needed.
    """

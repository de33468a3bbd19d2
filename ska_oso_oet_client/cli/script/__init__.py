"""``oet script``: what can be run."""

from __future__ import annotations

import click

from ..command import OetGroup

COMMANDS = {
    "list": (".script.list:list_", "Show the scripts on the server."),
    "show": (".script.show:show", "Show what a script is for, and its arguments."),
}

ALIASES = {"ls": COMMANDS["list"][0], "describe": COMMANDS["show"][0]}


@click.group(cls=OetGroup, lazy=COMMANDS, aliases=ALIASES)
def script() -> None:
    """See which scripts there are, and what they take. None is run for that.

    They are those in the server's SCRIPTS_LOCATION, and those that come with the OET.
    """

"""``oet activity``: activities of scheduling blocks."""

from __future__ import annotations

import click

from ..command import OetGroup

COMMANDS = {
    "run": (".activity.run:run", "Run an activity of a scheduling block."),
    "list": (".activity.list:list_", "Show the ten newest activities."),
    "describe": (".activity.describe:describe", "Show all there is to know about an activity."),
    "stop": (".activity.stop:stop", "Stop an activity, and by default abort the subarray."),
}


ALIASES = {
    "ls": COMMANDS["list"][0],
    "ps": COMMANDS["list"][0],
    "show": COMMANDS["describe"][0],
}


@click.group(cls=OetGroup, lazy=COMMANDS, aliases=ALIASES)
def activity() -> None:
    """Run, watch and stop activities of scheduling blocks."""

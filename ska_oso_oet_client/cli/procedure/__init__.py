"""``oet procedure``: observing scripts, one by one."""

from __future__ import annotations

import click

from ..command import OetGroup

COMMANDS = {
    "create": (".procedure.create:create", "Load a script and prepare it for execution."),
    "list": (".procedure.list:list_", "Show the ten newest procedures."),
    "start": (".procedure.start:start", "Run the main function of a prepared script."),
    "stop": (".procedure.stop:stop", "Stop a script, and by default abort the subarray."),
    "describe": (".procedure.describe:describe", "Show all there is to know about a procedure."),
    "logs": (".procedure.logs:logs", "Show what a script has printed."),
    "files": (".procedure.files:files", "Show the files that a script has written."),
    "fetch": (".procedure.fetch:fetch", "Fetch files that a script has written."),
    "wait": (".procedure.wait:wait", "Return when a script has ended."),
    "run": (".procedure.run:run", "Create, start and follow a script."),
}


ALIASES = {
    "ls": COMMANDS["list"][0],
    "ps": COMMANDS["list"][0],
    "show": COMMANDS["describe"][0],
}


@click.group(cls=OetGroup, lazy=COMMANDS, aliases=ALIASES)
def procedure() -> None:
    """Load, start, watch and stop observing scripts."""

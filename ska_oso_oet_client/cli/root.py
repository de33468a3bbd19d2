"""The ``oet`` command itself."""

from __future__ import annotations

from typing import Any

import click

from .. import __version__
from .command import OetGroup

COMMANDS = {
    "procedure": (".procedure:procedure", "Load, start, watch and stop observing scripts."),
    "activity": (".activity:activity", "Run, watch and stop activities of scheduling blocks."),
    "abort": (".abort:abort", "Abort what the subarray is doing, and restart it if wanted."),
    "script": (".script:script", "See which scripts there are, and what they take."),
    "environment": (".environment:environment", "See and free what is kept for scripts from git."),
    "listen": (".listen:listen", "Show what happens on the OET as it happens."),
    "wait_for_qa_ready": (
        ".wait_for_qa_ready:wait_for_qa_ready",
        "Choose whether scripts wait until QA is ready before each scan.",
    ),
    "drain": (".drain:drain", "Have the OET take no new work."),
    "resume": (".drain:resume", "Have the OET take new work again."),
    "status": (".status:status", "Tell whether the OET is ready and what it is running."),
    "login": (".login:login", "Log in to the OET."),
    "logout": (".logout:logout", "Log out of the OET."),
    "whoami": (".whoami:whoami", "Tell as whom you are logged in."),
    "audit": (".audit:audit", "Show who changed something or was refused."),
    "completion": (".completion:completion", "Print the set-up of completion for a shell."),
}


def _show_version(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"oet, version {__version__}")
        context.exit()


@click.group(cls=OetGroup, lazy=COMMANDS, aliases={"ps": ".procedure.list:list_"})
@click.option(
    "--version",
    type=bool,
    metavar="",
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version of this command.",
)
def oet() -> None:
    """Control the Observation Execution Tool, which runs observing scripts on a subarray.

    Every command accepts the options below at any position, and - in place of _ in their names.
    Times in tables are UTC; with --local they are local, with their offset from UTC.
    """

"""The ``oet`` command itself, and its groups: the module of each command, and one line of help."""

from __future__ import annotations

from typing import Any

import click

from .. import __version__
from .command import OetGroup

_LISTED = {"ls": "list", "ps": "list", "show": "describe"}

COMMANDS = {
    "procedure": (".root:procedure", "Load, start, watch and stop observing scripts."),
    "activity": (".root:activity", "Run, watch and stop activities of scheduling blocks."),
    "abort": (".stopping:abort", "Abort what the subarray is doing, and restart it if wanted."),
    "script": (".root:script", "See which scripts there are, and what they take."),
    "environment": (".root:environment", "See and free what is kept for scripts from git."),
    "listen": (".listen:listen", "Show events of the OET as they happen."),
    "wait_for_qa_ready": (
        ".operator:wait_for_qa_ready",
        "Choose whether scripts wait until QA is ready before each scan.",
    ),
    "drain": (".operator:drain", "Refuse new work; what runs goes on."),
    "resume": (".operator:resume", "Take new work again after a drain."),
    "status": (".status:status", "Show whether the OET is ready and what it runs."),
    "login": (".login:login", "Log in to the OET."),
    "logout": (".login:logout", "Log out of the OET."),
    "whoami": (".login:whoami", "Show who you are logged in as."),
    "audit": (".audit:audit", "Show who changed something or was refused."),
    "completion": (".completion:completion", "Print what sets up completion in a shell."),
}

SECTIONS = {
    "Run scripts": ("procedure", "activity", "script", "abort"),
    "See what happens": ("status", "listen"),
    "Operate the OET": ("wait_for_qa_ready", "drain", "resume", "environment"),
    "Access": ("login", "logout", "whoami", "audit"),
    "This terminal": ("completion",),
}

PROCEDURE = {
    "create": (".procedure.run:create", "Load a script and prepare it for execution."),
    "rerun": (".procedure.rerun:rerun", "Prepare an earlier procedure once more."),
    "diff": (".procedure.diff:diff", "Show in what two procedures differ."),
    "list": (".procedure.show:list_", "Show the ten newest procedures."),
    "start": (".procedure.start:start", "Run the main function of a prepared script."),
    "stop": (".procedure.start:stop", "Stop a script, and by default abort the subarray."),
    "pause": (".procedure.pace:pause", "Have a running script pause at a checkpoint."),
    "resume": (".procedure.pace:resume", "Have a paused script go on."),
    "answer": (".procedure.pace:answer", "Answer the question of a script."),
    "describe": (
        ".procedure.show:describe",
        "Show a procedure's arguments, history and outcome.",
    ),
    "logs": (".procedure.show:logs", "Show the output of a script."),
    "files": (".procedure.files:files", "Show the files that a script has written."),
    "fetch": (".procedure.files:fetch", "Fetch files that a script has written."),
    "wait": (".procedure.start:wait", "Return when a script has ended."),
    "run": (".procedure.run:run", "Create, start and follow a script."),
    "check": (".checking:check", "Check whether a script can be run, and run nothing."),
    "schema": (".checking:schema", "Show the arguments of a script, with their types."),
}

ACTIVITY = {
    "run": (".activity:run", "Run an activity of a scheduling block."),
    "check": (".checking:check_activity", "Check whether an activity can be run."),
    "rerun": (".activity_rerun:rerun", "Run an earlier activity once more."),
    "list": (".activity:list_", "Show the ten newest activities."),
    "describe": (".activity:describe", "Show an activity's arguments, history and outcome."),
    "stop": (".activity:stop", "Stop an activity, and by default abort the subarray."),
}

SCRIPT = {
    "list": (".script:list_", "Show the scripts on the server."),
    "show": (".script:show", "Show what a script is for, and its arguments."),
}

ENVIRONMENT = {
    "list": (".environment:list_", "Show environments, work trees and mirrors."),
    "remove": (".environment:remove", "Remove one of them."),
}


def _show_version(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"oet, version {__version__}")
        context.exit()


@click.group(cls=OetGroup, lazy=COMMANDS, aliases={"ps": "procedure list"}, sections=SECTIONS)
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


@click.group(cls=OetGroup, lazy=PROCEDURE, aliases=_LISTED)
def procedure() -> None:
    """Load, start, watch and stop observing scripts."""


@click.group(cls=OetGroup, lazy=ACTIVITY, aliases=_LISTED)
def activity() -> None:
    """Run, watch and stop activities of scheduling blocks."""


@click.group(cls=OetGroup, lazy=SCRIPT, aliases={"ls": "list", "describe": "show"})
def script() -> None:
    """See which scripts there are, and what they take. None is run for that.

    They are those in the server's SCRIPTS_LOCATION, and those that come with the OET.
    """


@click.group(cls=OetGroup, lazy=ENVIRONMENT, aliases={"ls": "list", "rm": "remove"})
def environment() -> None:
    """See and free what the server keeps for scripts from git.

    Environments hold the dependencies of one commit, work trees its files, mirrors the history
    of a repository. All are made again when they are needed.
    """

"""``oet procedure stop``."""

from __future__ import annotations

import click

from ...exit_status import ExitStatus
from ...model import COMPLETE
from ..command import OetCommand
from ..following import script_goes_on
from ..settings import Settings, pass_settings, tell
from ..showing import show_json
from .choice import pid_option, running


@click.command(cls=OetCommand)
@pid_option("the running one")
@click.option(
    "--run_abort",
    type=bool,
    default=True,
    show_default=True,
    help="Abort what the subarray is doing, once the script is gone.",
)
@pass_settings
def stop(settings: Settings, pid: int | None, run_abort: bool) -> ExitStatus:
    """Stop a script and everything it has started, and see the abort of the subarray through."""
    with settings.client() as client:
        if pid is None:
            pid = running(client).id
        result = client.stop_procedure(pid, run_abort)
        if settings.as_json:
            show_json(result.document)
        else:
            click.echo(result.message)
        if result.survivors:
            tell(f"Processes of the script that are still alive: {result.survivors}")
        if not run_abort:
            return ExitStatus.DONE
        if result.abort_procedure is None:
            return ExitStatus.SCRIPT_FAILED
        with script_goes_on(result.abort_procedure):
            abort = client.wait(result.abort_procedure, notify=tell)
    if abort.state == COMPLETE:
        tell(f"The abort (procedure {abort.id}) is complete")
        return ExitStatus.DONE
    detail = abort.outcome.detail if abort.outcome else abort.state
    tell(f"THE SUBARRAY WAS NOT ABORTED: procedure {abort.id} is {abort.state}: {detail}")
    return ExitStatus.SCRIPT_FAILED

"""``oet activity run``."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import click

from ...errors import InvalidRequestError
from ...exit_status import ExitStatus
from ...model import COMPLETE, PREPARED, RUNNING
from ...script_args import ScriptArgs, checked
from ...script_source import CreateEnv
from ..command import OetCommand
from ..create_env import create_env_option
from ..following import Following, activity_goes_on, status_of
from ..interruption import answered
from ..narration import raw_option
from ..settings import Settings, pass_settings, tell, typed
from ..showing import show_activity, tell_where
from ..values import read_json

_IS_PREPARED = (PREPARED, RUNNING)
"""Somebody may have started the script before we see that it was prepared."""


def _script_args(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    try:
        return checked(read_json(value))
    except InvalidRequestError as error:
        raise click.BadParameter(str(error), context, option) from error
    except ValueError as error:
        raise click.BadParameter(
            'needs JSON in quotes, such as \'{"init": {"kwargs": {"foo": "bar"}}}\'',
            context,
            option,
        ) from error


@click.command(cls=OetCommand)
@click.argument("activity_name", metavar="ACTIVITY_NAME")
@click.argument("sbd_id", metavar="SBD_ID")
@click.option(
    "--script-args",
    metavar="JSON",
    callback=_script_args,
    help="Keyword arguments per function, on top of those in the scheduling block.",
)
@click.option(
    "--prepare-only",
    type=bool,
    default=False,
    show_default=True,
    help="Only load the script; to start it, use oet procedure start.",
)
@create_env_option("--create-env")
@click.option(
    "--listen",
    type=bool,
    default=True,
    show_default=True,
    help="Show events and output until the activity has ended, or with --prepare-only is prepared.",
)
@raw_option
@pass_settings
def run(
    settings: Settings,
    activity_name: str,
    sbd_id: str,
    script_args: ScriptArgs | None,
    prepare_only: bool,
    create_env: CreateEnv,
    listen: bool,
    raw: bool,
) -> ExitStatus:
    """Run the activity ACTIVITY_NAME of the scheduling block definition SBD_ID.

    While listening, Ctrl-C ends the listening and not the activity.
    """
    with settings.client() as client:
        request = partial(
            client.run_activity,
            activity_name,
            sbd_id,
            script_args,
            prepare_only=prepare_only,
            create_env=create_env,
        )
        otherwise = f"The activity may have been requested; to see it: {typed('activity list')}"
        if not listen:
            with answered(otherwise):
                activity = request()
                show_activity(activity, settings)
                tell_where(activity, client)
            return ExitStatus.DONE
        wanted = _IS_PREPARED if prepare_only else ()
        with client.follower(tell) as follower, ExitStack() as stack:
            with answered(otherwise):
                activity = request()
                stack.enter_context(activity_goes_on(activity.id))
            following = Following(
                activity.procedure_id, client.subarray_id, settings, show_activity, raw
            )
            following.begin(activity)
            ended = following.through(follower.follow_activity(activity, wanted))
            following.end(ended)
    status = status_of(ended, good=(COMPLETE, *wanted))
    if status != ExitStatus.DONE:
        why = ended.outcome.why if ended.outcome else "no reason given"
        tell(f"Activity {ended.id} is {ended.state}: {why}")
    return status

"""``oet activity``: activities of scheduling blocks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ..errors import InvalidRequestError
from ..exit_status import ExitStatus
from ..model import COMPLETE, PREPARED, RUNNING, Activity
from ..script_args import ScriptArgs, checked
from ..script_source import CreateEnv
from .command import OetCommand
from .default_ids import LAST, TO_STOP, activity_to_stop, aid_option, last_activity
from .following import Following, activity_goes_on, status_of
from .interruption import answered
from .listing import nothing, refuse_beside, selection_options
from .narration import raw_option
from .settings import Settings, completed, pass_settings, tell, typed
from .showing import list_activities, show_activity, show_json, tell_evicted, tell_where
from .stopping import run_abort_option, see_through
from .switches import create_env_option, flag, switch
from .values import read_json

if TYPE_CHECKING:
    from ..client import OETClient

_IS_PREPARED = (PREPARED, RUNNING)
"""Somebody may have started the script before we see that it was prepared."""


def read_script_args(context: click.Context, option: click.Parameter, value: str | None) -> Any:
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


def block_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the activity, its scheduling block, and the arguments on top of its own."""
    decorators = (
        click.argument(
            "activity_name", metavar="ACTIVITY_NAME", shell_complete=completed("activity_names")
        ),
        click.argument("sbd_id", metavar="SBD_ID", shell_complete=completed("scheduling_blocks")),
        click.option(
            "--sbd-version",
            type=click.IntRange(min=1),
            metavar="N",
            help="The version of the scheduling block; by default the newest.",
        ),
        click.option(
            "--script-args",
            metavar="JSON",
            callback=read_script_args,
            help="Keyword arguments per function, on top of those in the scheduling block.",
        ),
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


@click.command(cls=OetCommand)
@block_options
@switch("--prepare-only", help="Only load the script; to start it, use oet procedure start.")
@create_env_option("--create-env")
@flag("--simulate", help="As a dry run: send no commands, skip all waits, store nothing.")
@switch(
    "--listen",
    help="Show events and output until the activity has ended, or, with --prepare-only, until it "
    "is prepared.",
    default=True,
)
@raw_option
@pass_settings
def run(
    settings: Settings,
    activity_name: str,
    sbd_id: str,
    sbd_version: int | None,
    script_args: ScriptArgs | None,
    prepare_only: bool,
    create_env: CreateEnv,
    simulate: bool,
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
            sbd_version=sbd_version,
            simulate=simulate,
        )
        return run_to_its_end(settings, client, request, listen, raw)


def run_to_its_end(
    settings: Settings,
    client: OETClient,
    request: Callable[[], Activity],
    listen: bool,
    raw: bool,
) -> ExitStatus:
    """Request an activity and follow it: to its end, or until it is prepared if that is all."""
    otherwise = f"The activity may have been requested; to see it: {typed('activity list')}"
    if not listen:
        with answered(otherwise):
            activity = request()
            show_activity(activity, settings)
            tell_where(activity, client)
            tell_evicted(activity, client)
        return ExitStatus.DONE
    with client.follower(tell) as follower, ExitStack() as stack:
        with answered(otherwise):
            activity = request()
            stack.enter_context(activity_goes_on(activity.id))
        wanted = _IS_PREPARED if activity.prepare_only else ()
        following = Following(
            activity.procedure_id, client.subarray_id, settings, show_activity, raw
        )
        following.begin(activity)
        tell_evicted(activity, client)
        ended = following.through(follower.follow_activity(activity, wanted), client.trouble)
        following.end(ended)
    status = status_of(ended, good=(COMPLETE, *wanted))
    if status != ExitStatus.DONE and not following.has_told("activity.lifecycle.failed"):
        why = ended.outcome.why if ended.outcome else "no reason given"
        tell(f"Activity {ended.id} is {ended.state}: {why}")
    return status


@click.command("list", cls=OetCommand)
@aid_option("the ten newest")
@selection_options
@pass_settings
def list_(
    settings: Settings,
    /,
    aid: int | None,
    everything: bool,
    **selection: Any,
) -> None:
    """Show the ten newest activities, or the one with the given ID, oldest first."""
    refuse_beside("--aid", aid, selection, everything)
    with settings.client() as client:
        if aid is not None:
            activities = [client.activity(aid)]
        else:
            activities = client.activities(all=everything, **selection)
    if settings.as_json:
        show_json([dict(activity.document) for activity in activities])
        return
    list_activities(activities, settings)
    if not activities and any(value is not None for value in selection.values()):
        tell(nothing("activity", everything))
    elif not activities:
        tell(f"No activities yet; run one with: {typed('activity run')}")


@click.command(cls=OetCommand)
@aid_option(LAST)
@pass_settings
def describe(settings: Settings, aid: int | None) -> None:
    """Show an activity's states with their times, its script's arguments, and why it failed."""
    with settings.client() as client:
        activity = last_activity(client) if aid is None else client.activity(aid)
    if settings.as_json:
        show_json(activity.document)
        return
    from .description import describe_activity

    click.echo(describe_activity(activity, settings.times))


@click.command(cls=OetCommand)
@aid_option(TO_STOP)
@run_abort_option
@pass_settings
def stop(settings: Settings, aid: int | None, run_abort: bool) -> ExitStatus:
    """Stop an activity with its script, and see the abort of the subarray through."""
    with settings.client() as client:
        if aid is None:
            aid = activity_to_stop(client).id
        stop_it = partial(client.stop_activity, aid, run_abort)
        seen = typed(f"activity describe --aid={aid}")
        return see_through(client, f"Activity {aid}", stop_it, seen, run_abort, settings)

"""``oet procedure create`` and ``run``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

import click

from ...exit_status import ExitStatus
from ...model import READY, Procedure
from ...script_source import CreateEnv
from ..command import BareFlag, InitCommand, ScriptArguments, ScriptCommand
from ..following import Following, script_goes_on, status_of
from ..interruption import answered
from ..live import waiting
from ..narration import raw_option
from ..settings import Settings, completed, pass_settings, tell, typed
from ..showing import show_procedure, tell_evicted, tell_where
from ..switches import create_env_option, switch
from ..unstarted import made_and_started
from ..values import json_object

if TYPE_CHECKING:
    from ...client import OETClient

_NOTHING = frozenset({"", "none", "null"})


class ScriptOptions(TypedDict):
    git_repo: str | None
    git_branch: str | None
    git_commit: str | None
    create_env: CreateEnv
    simulate: bool


def _text_or_none(context: click.Context, option: click.Parameter, value: Any) -> str | None:
    # The documented default is typed as --git_commit=None.
    return None if value is None or value.lower() in _NOTHING else value


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the script's URI and the git options."""
    decorators = (
        click.argument("script_uri", metavar="SCRIPT_URI", shell_complete=completed("scripts")),
        click.option(
            "--git_repo",
            callback=_text_or_none,
            help="Git repository of the script.  [default: the server's]",
        ),
        click.option(
            "--git_branch",
            callback=_text_or_none,
            help="Branch or tag to take the script from.  [default: the default branch]",
        ),
        click.option("--git_commit", callback=_text_or_none, help="Commit, instead of a branch."),
        create_env_option("--create_env"),
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def script_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add these, and how the script is to run."""
    simulate = click.option(
        "--simulate",
        cls=BareFlag,
        type=bool,
        default=False,
        metavar="",
        help="As a dry run: send no commands, and skip all waits. With a value, such as "
        "--simulate=false, it is an argument of the script.",
    )
    return source_options(simulate(function))


init_kwargs_option = click.option(
    "--init_kwargs",
    metavar="JSON",
    callback=json_object,
    help="Keyword arguments of the script's init function.",
)


@click.command(cls=InitCommand)
@script_options
@switch("--listen", help="Show events and output until the script is ready or has failed.")
@raw_option
@pass_settings
def create(
    settings: Settings,
    /,
    script_uri: str,
    script_arguments: ScriptArguments,
    listen: bool,
    raw: bool,
    **script_source: Any,
) -> ExitStatus:
    """Load the script SCRIPT_URI, file:///path.py or git://path/in/repository.py.

    All other words and unknown options are the arguments of its init function, which also gets
    the subarray as subarray_id. At most ten procedures are listed: an eleventh replaces the oldest
    that has ended; if none has ended, the oldest that is READY is ended for it. Words after -- are
    text, whatever they look like.
    """
    otherwise = f"The procedure may have been made; to see it: {typed('procedure list')}"
    with settings.client() as client:
        create_it = partial(client.create_procedure, script_uri, *script_arguments, **script_source)
        if not listen:
            with answered(otherwise):
                procedure = create_it()
                show_procedure(procedure, settings)
                tell_where(procedure, client)
                tell_evicted(procedure, client)
            return ExitStatus.DONE
        with client.follower(tell) as follower, ExitStack() as stack:
            with answered(otherwise):
                procedure = create_it()
                stack.enter_context(script_goes_on(procedure.id, procedure.is_abort))
            following = Following(procedure.id, client.subarray_id, settings, show_procedure, raw)
            following.begin(procedure)
            tell_evicted(procedure, client)
            prepared = following.through(follower.follow(procedure.id, {READY}), client.trouble)
            following.end(prepared)
    return status_of(prepared, good=(READY,))


@click.command(cls=ScriptCommand)
@script_options
@init_kwargs_option
@switch("--listen", help="Show events and output until the script has ended.", default=True)
@raw_option
@pass_settings
def run(
    settings: Settings,
    /,
    script_uri: str,
    script_arguments: ScriptArguments,
    init_kwargs: dict[str, Any] | None,
    listen: bool,
    raw: bool,
    **script_source: Any,
) -> ExitStatus:
    """Load the script SCRIPT_URI, start it when it is ready, and follow it to its end.

    All other words and unknown options are the arguments of its main function; words after -- are
    text, whatever they look like. While another script runs nothing is loaded. Ctrl-C before main
    has begun stops the procedure, without an abort; later it ends the listening and not the script.
    """
    with settings.client() as client:
        if not script_source["simulate"]:
            client.require_none_running()
        create = partial(client.create_procedure, script_uri, (), init_kwargs, **script_source)
        return run_to_its_end(settings, client, create, script_arguments, listen, raw)


def run_to_its_end(
    settings: Settings,
    client: OETClient,
    create: Callable[[], Procedure],
    main: ScriptArguments,
    listen: bool,
    raw: bool,
    tell_more: Callable[[Procedure], None] = lambda created: None,
) -> ExitStatus:
    """Create a procedure, start it with arguments for ``main`` when it is ready, and follow it.

    ``tell_more`` is called with the procedure that was created.
    """
    if not listen:
        with made_and_started(client, create) as created:
            tell_evicted(created, client)
            tell_more(created)
            with waiting(f"preparing procedure {created.id}"):
                procedure = client.wait(created.id, until={READY}, notify=tell)
            if procedure.state == READY:
                with answered(f"Procedure {created.id} may have begun"):
                    procedure = client.start_procedure(created.id, *main)
        show_procedure(procedure, settings)
        tell_where(procedure, client)
        return ExitStatus.SCRIPT_FAILED if procedure.is_final else ExitStatus.DONE
    with client.follower(tell) as follower:
        with made_and_started(client, create) as created:
            following = Following(created.id, client.subarray_id, settings, show_procedure, raw)
            following.begin(created)
            tell_evicted(created, client)
            tell_more(created)
            procedure = following.through(follower.follow(created.id, {READY}), client.trouble)
            if procedure.state == READY:
                with answered(f"Procedure {created.id} may have begun"):
                    client.start_procedure(created.id, *main)
        with script_goes_on(created.id, created.is_abort):
            if procedure.state == READY:
                procedure = following.through(follower.follow(created.id), client.trouble)
            following.end(procedure)
    return status_of(procedure)

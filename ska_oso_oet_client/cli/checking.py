"""``oet procedure check`` and ``schema``, and ``oet activity check``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from ..exit_status import ExitStatus
from ..model import CallArguments, Check, Estimate, Parameter, ScriptSchema
from ..script_args import ScriptArgs
from ..script_source import CreateEnv
from ..terminal import printable, printable_lines
from .activity import block_options
from .command import OetCommand, ScriptArguments, ScriptCommand
from .durations import for_people
from .live import waiting
from .procedure.run import init_kwargs_option, source_options
from .settings import Settings, pass_settings, tell
from .showing import show_json
from .switches import create_env_option

_WORDS = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "null": "null",
    "array": "list",
    "object": "object",
}
_ENVIRONMENTS = {
    "ready": "The environment is ready",
    "to_make": "The environment has to be made, which takes a while; the script was only read",
}
_GIVEN = ("subarray_id", "context", "sb_json", "sbi_id")
_STARS = {"args": "*", "kwargs": "**"}


@click.command("check", cls=ScriptCommand)
@source_options
@init_kwargs_option
@pass_settings
def check(
    settings: Settings,
    /,
    script_uri: str,
    script_arguments: ScriptArguments,
    init_kwargs: dict[str, Any] | None,
    **script_source: Any,
) -> ExitStatus:
    """Check whether the script SCRIPT_URI can be run with these arguments; nothing is run.

    Arguments are as for oet procedure run: all other words and unknown options are those of main.
    The script is imported, which executes its code outside of functions. The exit status is 0 if
    there is no problem, and else 1.
    """
    init = CallArguments(kwargs=init_kwargs or {})
    with settings.client() as client, waiting(f"checking {script_uri}"):
        found = client.check_procedure(script_uri, *script_arguments, init=init, **script_source)
    return _told(found, settings)


@click.command("check", cls=OetCommand)
@block_options
@create_env_option("--create-env")
@pass_settings
def check_activity(
    settings: Settings,
    activity_name: str,
    sbd_id: str,
    sbd_version: int | None,
    script_args: ScriptArgs | None,
    create_env: CreateEnv,
) -> ExitStatus:
    """Check whether the activity ACTIVITY_NAME of SBD_ID can be run; nothing is run.

    The scheduling block is checked as well as the script and its arguments. The exit status is 0 if
    there is no problem, and else 1.
    """
    with settings.client() as client, waiting(f"checking {activity_name} of {sbd_id}"):
        found = client.check_activity(
            activity_name, sbd_id, script_args, create_env=create_env, sbd_version=sbd_version
        )
    return _told(found, settings)


@click.command("schema", cls=OetCommand)
@source_options
@pass_settings
def schema(settings: Settings, /, script_uri: str, **script_source: Any) -> None:
    """Show the parameters of init and main of the script SCRIPT_URI, with their types.

    The script is imported, which executes its code outside of functions.
    """
    with settings.client() as client, waiting(f"loading {script_uri}"):
        found = client.script_schema(script_uri, **script_source)
    if settings.as_json:
        show_json(found.document)
        return
    if found.docstring:
        click.echo(printable_lines(found.docstring))
    for paragraph in _tables(found):
        click.echo(f"\n{paragraph}")


def _told(found: Check, settings: Settings) -> ExitStatus:
    if settings.as_json:
        show_json(found.document)
    else:
        for problem in found.problems:
            click.echo(printable(str(problem)))
        for paragraph in _tables(found.schema):
            click.echo(f"\n{paragraph}" if found.problems else f"{paragraph}\n")
        for line in _facts(found):
            tell(line)
    return ExitStatus.DONE if found.valid else ExitStatus.SCRIPT_FAILED


def _facts(found: Check) -> Iterator[str]:
    if found.resolved_commit:
        yield f"The commit is {found.resolved_commit}"
    if found.environment in _ENVIRONMENTS:
        yield _ENVIRONMENTS[found.environment]
    yield _estimate(found.estimate)
    if found.valid:
        yield "No problem was found"
    else:
        count = len(found.problems)
        yield "1 problem was found" if count == 1 else f"{count} problems were found"


def _estimate(found: Estimate) -> str:
    if found.seconds is None:
        return "How long it will take is not known"
    about = f"It will take about {for_people(found.seconds)}"
    if found.source == "history":
        if found.runs == 1 or found.low is None or found.high is None:
            return f"{about}, by the last run"
        between = f"mostly {for_people(found.low)} to {for_people(found.high)}"
        return f"{about}, by the last {found.runs} runs, {between}"
    return about + (
        ", by its own word" if found.source == "script" else ", by the scans of the block"
    )


def _tables(found: ScriptSchema) -> Iterator[str]:
    from .tables import table

    for name, function in (("init", found.init), ("main", found.main)):
        if function is None:
            continue
        if function.parameters is None:
            yield f"{name}(...), defined by other code"
            continue
        headers = ("Argument", "Type", "Default", "About")
        rows = [_row(one) for one in function.parameters]
        if not rows:
            yield f"{name}() has no arguments"
            continue
        note = "" if function.exact else ", as far as it can be seen"
        yield f"Arguments of {name}{note}:\n\n{table(headers, rows)}"


def _row(one: Parameter) -> tuple[str, str, str, str]:
    needed = "from the OET" if one.name in _GIVEN else "required"
    default = needed if one.required else one.default or ""
    kind = _words(one.type) or one.annotation or ""
    return f"{_STARS.get(one.kind, '')}{one.name}", kind, default, one.text or ""


def _words(schema: Any) -> str:
    if "anyOf" in schema:
        parts = [_words(part) for part in schema["anyOf"]]
        return " or ".join(parts) if all(parts) else ""
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    return _WORDS.get(schema.get("type", ""), "")

"""``oet script``: the scripts on the server."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

import click

from ..errors import RefusedError
from ..model import DescribedScript, FoundScript, ScriptFunction
from ..terminal import printable_lines
from .command import OetCommand
from .settings import Settings, completed, pass_settings, typed
from .showing import show_json


@click.command("list", cls=OetCommand)
@pass_settings
def list_(settings: Settings) -> None:
    """Show the scripts on the server, with the first line of their docstrings."""
    with settings.client() as client:
        found = client.scripts()
    if settings.as_json:
        show_json([dict(script.document) for script in found])
        return
    from .tables import table

    rows = [(script.uri, _about(script)) for script in found]
    click.echo(table(("Script", "About"), rows, whole=("Script",)))  # to be copied


def _about(script: FoundScript) -> str | None:
    return script.summary if script.error is None else f"It cannot be read: {script.error}"


@click.command(cls=OetCommand)
@click.argument("uri", metavar="URI", shell_complete=completed("scripts"))
@pass_settings
def show(settings: Settings, uri: str) -> None:
    """Show the docstring of the script with this URI, and the parameters of its init and main."""
    with settings.client() as client:
        script = client.script(uri)
    if script.error is not None:
        raise RefusedError(f"{script.uri} cannot be read: {script.error}")
    if settings.as_json:
        show_json(script.document)
    else:
        from .fitting import prose

        click.echo(prose(printable_lines("\n\n".join(_sections(script)))))


def _sections(script: DescribedScript) -> Iterator[str]:
    yield f"{script.uri} is {script.path}"
    if script.docstring:
        yield script.docstring
    for name, function in (("init", script.init), ("main", script.main)):
        if function is not None:
            yield _function(name, function)
    yield f"To run it: {typed(f'procedure run {script.uri}')}"


def _function(name: str, function: ScriptFunction) -> str:
    signature = function.signature or f"{name}(...), defined by other code"
    docstring = indent(function.docstring or "", "    ")
    return f"{signature}\n{docstring}".rstrip()

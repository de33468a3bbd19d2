"""`oet-server`: all workers under one arbiter, or one worker alone."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import click

from . import __version__, logs
from .settings import VARIABLES, BadSetting, Settings, read_settings
from .workers import NAMES


def _variables() -> str:
    lines = [f"  {v.name:<23} {v.meaning} (default: {v.default or 'see text'})" for v in VARIABLES.values()]
    return "\b\nEnvironment variables:\n" + "\n".join(lines)


_STATE = (
    click.option("--state-dir", help="Where everything is kept (OET_STATE_DIR)."),
    click.option("--subarray", "subarray_id", help="The subarray this instance drives (OET_SUBARRAY_ID)."),
)
_SERVING = (
    click.option("--host", help="Address REST listens on (OET_HOST)."),
    click.option("--port", help="Port REST listens on; 0 picks one (OET_PORT)."),
    *_STATE,
)


def _with(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Options that override settings, wherever on the command line they are."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.group(invoke_without_command=True, epilog=_variables(), context_settings={"max_content_width": 160})
@_with(*_SERVING)
@click.version_option(__version__, prog_name="oet-server")
@click.pass_context
def main(context: click.Context, /, **options: str | None) -> None:
    """Run the Observation Execution Tool for one subarray.

    Without a command all four workers run under an arbiter that restarts them. With the name of a worker that
    one runs alone, in this terminal or in a container of its own.
    """
    context.obj = options
    if context.invoked_subcommand is None:
        sys.exit(_run(None, None, _settings(context, options, "arbiter")))


def _settings(context: click.Context, options: dict[str, str | None], name: str) -> Settings:
    given = {key: value for key, value in options.items() if value is not None}
    try:
        settings = read_settings(os.environ, (context.obj or {}) | given)
    except BadSetting as error:
        raise click.ClickException(str(error)) from None
    os.umask(0o077)
    logs.configure(settings.log_level, settings.log_format, name)
    return settings


def _worker(role: str) -> click.Command:
    @click.command(role, help=f"Run the worker {NAMES[role]} alone.")
    @_with(*_SERVING)
    @click.option("--listener", type=int, hidden=True, help="Descriptor of a socket that listens already.")
    @click.pass_context
    def command(context: click.Context, /, listener: int | None, **options: str | None) -> None:
        sys.exit(_run(role, listener, _settings(context, options, NAMES[role])))

    return command


for _role in NAMES:
    main.add_command(_worker(_role))


@main.command()
@_with(*_STATE)
@click.argument("file", required=False)
@click.pass_context
def backup(context: click.Context, /, file: str | None, **options: str | None) -> None:
    """Save the journal to FILE, while the server runs or not.

    Without FILE it is saved beside the journal, under a name with the time.
    """
    settings = _settings(context, options, "backup")
    from .bus.journal import Unusable, copies

    try:
        saved = copies.backup(settings.journal_file, file)
    except Unusable as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Saved the journal to {saved} ({os.path.getsize(saved) / 2**20:.1f} MiB)")


@main.command()
@_with(*_STATE)
@click.argument("file")
@click.pass_context
def restore(context: click.Context, /, file: str, **options: str | None) -> None:
    """Have the backup FILE take the place of the journal.

    The server must not be running. The journal that was there is kept under another name.
    """
    settings = _settings(context, options, "restore")
    from .bus.journal import Unusable, copies
    from .workers.base import CannotStart, hold_lock

    try:
        for role in ("server", "bus", "ses", "activity"):
            hold_lock(settings, role, patience=0)
        replaced = copies.restore(file, settings.journal_file)
    except (CannotStart, Unusable) as error:
        raise click.ClickException(str(error)) from None
    kept = f"; the one that was there is now {replaced}" if replaced else ""
    click.echo(f"Restored the journal {settings.journal_file} from {file}{kept}")


def _run(worker: str | None, listener: int | None, settings: Settings) -> int:
    from .workers.base import CannotStart, live_with_arbiter

    try:
        if worker is None:
            return asyncio.run(_arbiter(settings))
        live_with_arbiter()
        if worker == "rest":
            from .workers import rest

            rest.main(settings, listener)
        else:
            asyncio.run(_body(worker)(settings))
            sys.stderr.flush()
            os._exit(0)  # a thread that waits for a hung file system must not keep the process
    except CannotStart as error:
        click.echo(f"oet-server: {error}", err=True)
        return error.status if worker else 1
    return 0


def _body(worker: str) -> Callable[[Settings], Coroutine[Any, Any, None]]:
    # Imported here so that a worker loads only what it needs.
    if worker == "bus":
        from .workers.bus import main
    elif worker == "ses":
        from .workers.script_execution import main
    else:
        from .workers.activity import main
    return main


async def _arbiter(settings: Settings) -> int:
    from .workers.arbiter import Arbiter

    arbiter = Arbiter(settings)

    def announce() -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        major = __version__.split(".")[0]
        path = f"/{settings.namespace}/oet/{settings.subarray_id}/api/v{major}"
        click.echo(f"OET for subarray {settings.subarray_id} is ready: http://{host}:{arbiter.port}{path}")

    return await arbiter.run(announce)


if __name__ == "__main__":
    main()

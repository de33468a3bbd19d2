"""`oet-server`: all workers under one arbiter, or one worker alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import click

from . import __version__
from .administration import COMMANDS
from .settings import Settings
from .settings.command_line import SERVING, settings_of, taking
from .settings.declaration import Variable
from .settings.variables import VARIABLES
from .telemetry import tracing
from .workers import NAMES


def described(variable: Variable) -> str:
    """The meaning of a setting, as plain text."""
    meaning = variable.meaning.replace("`", "")
    return f"{meaning}  [default: {variable.default}]" if variable.default else meaning


class _WithVariables(click.Group):
    """A group whose help ends with the settings."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Environment variables"):
            formatter.write_dl([(variable.name, described(variable)) for variable in VARIABLES.values()])


_FLUSH = 1.0  #: seconds to export traces at the end of a worker


@click.group(cls=_WithVariables, invoke_without_command=True, context_settings={"max_content_width": 160})
@taking(*SERVING)
@click.version_option(__version__, prog_name="oet-server")
@click.pass_context
def main(context: click.Context, /, **options: str | None) -> None:
    """Run the Observation Execution Tool for one subarray.

    Without a command all workers run under an arbiter that restarts them. With the name of a worker that
    one runs alone, in this terminal or in a container of its own.
    """
    context.obj = options
    if context.invoked_subcommand is None:
        sys.exit(_run(None, None, settings_of(context, options, "arbiter")))


def _worker(role: str) -> click.Command:
    @click.command(role, help=f"Run the worker {NAMES[role]} alone.")
    @taking(*SERVING)
    @click.option("--listener", type=int, hidden=True, help="Descriptor of a socket that listens already.")
    @click.pass_context
    def command(context: click.Context, /, listener: int | None, **options: str | None) -> None:
        sys.exit(_run(role, listener, settings_of(context, options, NAMES[role])))

    return command


for _role in NAMES:
    main.add_command(_worker(_role))


for _command in COMMANDS:
    main.add_command(_command)


def _run(worker: str | None, listener: int | None, settings: Settings) -> int:
    if worker is None:
        # Until the arbiter installs its own handler: process 1 of a container ignores signals without one.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from .kernel import processes
    from .workers.common import CannotStart, live_with_arbiter

    processes.rename(f"oet-{worker or 'server'}")
    if worker is None:
        processes.adopt_orphans()
        if not sys.flags.safe_path:
            del sys.path[0]  # the current folder, if Python was called with -m
    try:
        if worker is None:
            return asyncio.run(_arbiter(settings))
        live_with_arbiter()
        if worker == "rest":
            with _nothing_is_garbage():
                from .workers import rest

            rest.main(settings, listener)
        else:
            asyncio.run(_body(worker)(settings))
            tracing.flush(_FLUSH)
            sys.stderr.flush()
            os._exit(0)  # a thread that waits for a hung file system must not keep the process
    except CannotStart as error:
        click.echo(f"oet-server: {error}", err=True)
        return error.status if worker else 1
    return 0


def _body(worker: str) -> Callable[[Settings], Coroutine[Any, Any, None]]:
    # Imported here so that a worker loads only what it needs.
    with _nothing_is_garbage():
        if worker == "bus":
            from .workers.bus import main
        elif worker == "central":
            from .workers.central import main
        elif worker == "ses":
            from .workers.script_execution import main
        else:
            from .workers.activity import main
    return main


@contextlib.contextmanager
def _nothing_is_garbage() -> Iterator[None]:
    """Import in the block. Modules stay, so looking for garbage among them would take time for nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _arbiter(settings: Settings) -> int:
    with _nothing_is_garbage():
        from .workers.arbiter import Arbiter
        from .workers.child import seal_secrets

    seal_secrets(settings)
    arbiter = Arbiter(settings, main)

    def announce() -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        major = __version__.split(".")[0]
        path = f"/{settings.namespace}/oet/{settings.subarray_id}/api/v{major}"
        click.echo(f"OET for subarray {settings.subarray_id} is ready: http://{host}:{arbiter.port}{path}")

    return await arbiter.run(announce)


if __name__ == "__main__":
    main()

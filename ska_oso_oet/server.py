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


@click.command(epilog=_variables(), context_settings={"max_content_width": 160})
@click.argument("worker", type=click.Choice(list(NAMES)), required=False)
@click.option("--host", help="Address REST listens on (OET_HOST).")
@click.option("--port", help="Port REST listens on; 0 picks one (OET_PORT).")
@click.option("--state-dir", help="Where everything is kept (OET_STATE_DIR).")
@click.option("--subarray", "subarray_id", help="The subarray this instance drives (OET_SUBARRAY_ID).")
@click.option("--listener", type=int, hidden=True, help="Descriptor of a socket that listens already.")
@click.version_option(__version__, prog_name="oet-server")
def main(worker: str | None, listener: int | None, **options: str | None) -> None:
    """Run the Observation Execution Tool for one subarray.

    Without WORKER all four workers run under an arbiter that restarts them. With WORKER one of them runs
    alone, in this terminal or in a container of its own.
    """
    try:
        settings = read_settings(os.environ, options)
    except BadSetting as error:
        raise click.ClickException(str(error)) from None
    os.umask(0o077)
    logs.configure(settings.log_level, settings.log_format, NAMES.get(worker or "", "arbiter"))
    sys.exit(_run(worker, listener, settings))


def _run(worker: str | None, listener: int | None, settings: Settings) -> int:
    from .workers.base import CANNOT_START, CannotStart, live_with_arbiter

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
        return CANNOT_START if worker else 1
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

"""`oet-simulator`: a simulated telescope in this terminal."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TextIO

import click

from .commands import DEFAULT_DELAYS
from .delays import checked_delays
from .names import Telescope


class Delay(click.ParamType[tuple[str, float]]):
    """COMMAND=SECONDS."""

    name = "command=seconds"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Return the command and its seconds."""
        command, _, text = value.partition("=")
        try:
            seconds = float(text)
        except ValueError:
            self.fail(f"{value!r} is not of the form COMMAND=SECONDS", param, ctx)
        try:
            return command, checked_delays({command: seconds})[command]
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Address(click.ParamType[str]):
    """HOST:PORT."""

    name = "host:port"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is."""
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal():
            self.fail(f"{value!r} is not of the form HOST:PORT", param, ctx)
        return value


_DEFAULTS = ", ".join(f"{command}={seconds:g}" for command, seconds in DEFAULT_DELAYS.items())


@click.command(context_settings={"max_content_width": 110})
@click.option("--telescope", type=click.Choice(["mid", "low"]), default="mid", help="Which telescope.")
@click.option("--subarrays", type=click.IntRange(1, 16), default=1, help="How many subarrays it has.")
@click.option("--old-names", is_flag=True, help="Name devices like ska_mid/tm_subarray_node/1.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0 picks one.")
@click.option(
    "--delay",
    "delays",
    type=Delay(),
    multiple=True,
    help=f"Seconds a command takes; may be repeated. Without: {_DEFAULTS}. A scan lasts as configured.",
)
@click.option(
    "--qa-after",
    type=click.FloatRange(0, 86_400),
    help="Seconds from the end of Configure until quality is ready by itself; a scan makes it not ready. "
    "Without: not ready until SetReady is sent to the quality monitor.",
)
@click.option(
    "--interfaces",
    metavar="ASSIGN/CONFIGURE",
    default="",
    help="Interfaces of the commands: 2.4/6.1 or 2.1/4.1 for mid, 4.1/6.1 or 4.0/4.0 for low. "
    "Without: the newest. Of `any`, only what a command cannot do without is checked.",
)
@click.option(
    "--base-classes",
    "base",
    type=click.Choice(["1.4", "1.0", "0.20"]),
    default="1.4",
    help="Version of the devices' base classes. Before 1.0, a command in the wrong state raises.",
)
@click.option("--tango-host", type=Address(), help="Tango database to register the devices in.")
def main(
    telescope: Telescope,
    subarrays: int,
    old_names: bool,
    host: str,
    port: int,
    delays: tuple[tuple[str, float], ...],
    qa_after: float | None,
    interfaces: str,
    base: str,
    tango_host: str | None,
) -> None:
    """Simulate a telescope until interrupted.

    When it answers, it prints the environment that leads the OET's scripts to it, as lines a shell can
    evaluate, and then `ready`.
    """
    out = _own_standard_output()
    # Tango takes long to import; --help does not wait for it.
    from .server import CannotServe, serve
    from .tmc import Tmc

    try:
        tmc = Tmc(
            telescope,
            subarrays=subarrays,
            old_names=old_names,
            delays=dict(delays),
            qa_after=qa_after,
            interfaces=interfaces,
            base=base,
        )
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--interfaces") from None

    def ready(environment: dict[str, str]) -> None:
        for name, value in environment.items():
            click.echo(f"export {name}={shlex.quote(value)}", out)
        click.echo("ready", out)

    try:
        serve(tmc, host, port, tango_host, ready)
    except CannotServe as error:
        raise click.ClickException(str(error)) from None


def _own_standard_output() -> TextIO:
    """Keep standard output for ourselves: Tango prints to standard error."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return out


if __name__ == "__main__":
    main()

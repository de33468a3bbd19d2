"""``oet environment``: environments, work trees and mirrors of scripts from git."""

from __future__ import annotations

import time

import click

from ..model import Environment
from ..terminal import printable
from .command import OetCommand
from .interruption import answered
from .settings import Settings, completed, pass_settings, tell, typed
from .showing import show_json

_UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"), (1, "B"))
_AGES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_NARROW = (0, 2, 4, 5, 6)


@click.command("list", cls=OetCommand)
@pass_settings
def list_(settings: Settings) -> None:
    """Show environments, work trees and mirrors, most recently used first."""
    with settings.client() as client:
        found = client.environments()
    if settings.as_json:
        show_json([dict(environment.document) for environment in found])
        return
    from .fitting import fits
    from .tables import table

    headers: tuple[str, ...] = (
        "ID",
        "Kind",
        "Repository",
        "Commit",
        "Size",
        "Age",
        "Last used",
    )
    rows = [_row(environment) for environment in found]
    if not fits(headers, rows):
        # The ID begins with the kind, and less than a commit identifies nothing.
        headers = tuple(headers[n] for n in _NARROW)
        rows = [tuple(row[n] for n in _NARROW) for row in rows]
    click.echo(table(headers, rows))
    if not found:
        tell("There is nothing yet; the first script from git adds something")


def _row(one: Environment) -> tuple[str | None, ...]:
    now = time.time()
    commit = one.commit and one.commit[:12]
    size = _in_units(one.size, _UNITS)
    age = _in_units(now - one.created, _AGES)
    used = _in_units(now - one.used, _AGES)
    return one.id, one.kind, one.repository, commit, size, age, f"{used} ago"


def _in_units(value: float, units: tuple[tuple[float, str], ...]) -> str:
    size, name = next((unit for unit in units if value >= unit[0]), units[-1])
    return f"{max(0.0, value) / size:.3g} {name}"


@click.command(cls=OetCommand)
@click.argument("environment_id", metavar="ID", shell_complete=completed("environments"))
@pass_settings
def remove(settings: Settings, environment_id: str) -> None:
    """Remove the environment, work tree or mirror with this ID from oet environment list.

    Refused while a procedure uses it.
    """
    otherwise = f"It may have been removed; to see it: {typed('environment list')}"
    with settings.client() as client, answered(otherwise):
        removed = client.remove_environment(environment_id)
    if settings.as_json:
        show_json(removed.document)
    else:
        click.echo(printable(f"Removed {removed.kind} {removed.id} of {removed.repository}"))
    tell(f"Removed from the OET of subarray {client.subarray_id}")

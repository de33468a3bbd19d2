"""``oet environment list``."""

from __future__ import annotations

import time

import click

from ...model import Environment
from ..command import OetCommand
from ..settings import Settings, pass_settings, tell
from ..showing import show_json

_UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"), (1, "B"))
_AGES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


@click.command("list", cls=OetCommand)
@pass_settings
def list_(settings: Settings) -> None:
    """Show environments, work trees and mirrors, what was used last first."""
    with settings.client() as client:
        found = client.environments()
    if settings.as_json:
        show_json([dict(environment.document) for environment in found])
        return
    from ..tables import table

    headers = ("ID", "Kind", "Repository", "Commit", "Size", "Age", "Last used")
    click.echo(table(headers, [_row(environment) for environment in found]))
    if not found:
        tell("Nothing is kept; it comes with the first script from git")


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

"""``oet activity describe``."""

from __future__ import annotations

import click

from ..command import OetCommand
from ..settings import Settings, pass_settings
from ..showing import show_json
from ..which import LAST, aid_option, last_activity


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
    from ..description import describe_activity

    click.echo(describe_activity(activity, settings.times))

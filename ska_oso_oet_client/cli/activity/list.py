"""``oet activity list``."""

from __future__ import annotations

import click

from ..command import OetCommand
from ..settings import Settings, pass_settings, tell, typed
from ..showing import show_activities, show_json
from ..which import aid_option


@click.command("list", cls=OetCommand)
@aid_option("the ten newest")
@pass_settings
def list_(settings: Settings, aid: int | None) -> None:
    """Show the ten newest activities, or the one with the given ID."""
    with settings.client() as client:
        activities = client.activities() if aid is None else [client.activity(aid)]
    if settings.as_json:
        show_json([dict(activity.document) for activity in activities])
        return
    show_activities(activities, settings)
    if not activities:
        tell(f"No activities yet; run one with: {typed('activity run')}")

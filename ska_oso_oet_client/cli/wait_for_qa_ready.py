"""``oet wait_for_qa_ready``."""

from __future__ import annotations

import click

from .command import OetCommand
from .settings import Settings, pass_settings, tell
from .showing import show_json

_SENTENCES = {
    "enable": "always wait for QA before scanning",
    "disable": "never wait for QA before scanning",
    "override": "bypass any active wait for QA",
}


@click.command("wait_for_qa_ready", cls=OetCommand)
@click.argument("action", metavar="ACTION", type=click.Choice(list(_SENTENCES)))
@pass_settings
def wait_for_qa_ready(settings: Settings, action: str) -> None:
    """Choose whether scripts wait until QA is ready before each scan.

    ACTION is enable or disable, for all scans from now on, or override, which ends only the wait
    of the script that is running.
    """
    with settings.client() as client:
        switch = client.set_qa_switch(action)
    if settings.as_json:
        show_json(switch.document)
    else:
        click.echo(f"Sent command: {_SENTENCES[action]}")
    tell(f"Sent to subarray {client.subarray_id}")

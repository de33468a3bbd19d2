"""Messages of scripts about an observation, on the event bus of the OET."""

from __future__ import annotations

import sys
from typing import Any

from .dry_run import wanted


def announce(text: str) -> None:
    """Tell the operator something."""
    send("user.script.announce", msg=text)


def send(topic: str, **fields: Any) -> None:
    """Publish a message; if the script's environment has no pypubsub, print it.

    In a dry run all but words to the operator are marked: nothing of it has happened.
    """
    if wanted() and not topic.startswith("user."):
        topic = f"simulated.{topic}"
    try:
        from pubsub import pub
    except ImportError:
        shown = " ".join(f"{name}={value!r}" for name, value in fields.items())
        sys.stdout.write(f"{topic} {shown}\n")
        sys.stdout.flush()
        return
    pub.sendMessage(topic, **fields)

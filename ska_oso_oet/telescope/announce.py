"""What scripts tell the world about an observation, as messages on the event bus of the OET."""

from __future__ import annotations

import sys
from typing import Any


def announce(text: str) -> None:
    """Tell the operator something."""
    send("user.script.announce", msg=text)


def send(topic: str, **fields: Any) -> None:
    """Publish a message; where the script's environment has no pypubsub, print it."""
    try:
        from pubsub import pub
    except ImportError:
        known = " ".join(f"{name}={value!r}" for name, value in fields.items())
        sys.stdout.write(f"{topic} {known}\n")
        sys.stdout.flush()
        return
    pub.sendMessage(topic, **fields)

"""Messages of the script, in its own process: pypubsub to the supervisor, and from there into pypubsub.

Standard library, and pypubsub where the script's environment has it.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from ..domain.nesting import too_deep


class Messages:
    """Passes on what the script sends, and has it hear what comes from outside.

    :param pass_on: called with the topic and the fields of each message of the script
    """

    def __init__(self, pass_on: Callable[[str, dict[str, Any]], None]) -> None:
        self._pass_on = pass_on
        self._injecting = threading.local()

    def begin(self) -> None:
        """Listen to everything the script sends."""
        try:
            from pubsub import pub
        except ImportError:
            return

        def forward(topic: Any = pub.AUTO_TOPIC, **payload: Any) -> None:
            if not getattr(self._injecting, "now", False):
                fields = {str(name): _carried(value) for name, value in payload.items()}
                self._pass_on(topic.getName(), fields)

        self._forward = forward  # pypubsub itself holds listeners weakly
        pub.subscribe(forward, pub.ALL_TOPICS)

    def inject(self, topic: str, payload: dict[str, Any]) -> None:
        """Have the script hear a message from outside; without pypubsub nothing of it can."""
        try:
            from pubsub import pub
        except ImportError:
            return

        self._injecting.now = True
        try:
            pub.sendMessage(topic, **payload)
        except Exception:  # noqa: BLE001  a listener of the script failed; that must not end the hearing
            sys.excepthook(*sys.exc_info())
        finally:
            self._injecting.now = False


def _carried(value: Any) -> Any:
    """The value as JSON can carry it, or its representation."""
    try:
        carried = json.loads(json.dumps(value, default=repr, allow_nan=False))
        return repr(value) if too_deep(carried) else carried
    except Exception:  # noqa: BLE001  a value of any type may come, with any mistake in it
        try:
            return repr(value)
        except Exception:  # noqa: BLE001
            return f"<{type(value).__name__}>"

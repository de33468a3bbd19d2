"""Messages of the script, in its own process: pypubsub to the supervisor, and from there into pypubsub.

Standard library, and pypubsub if the script's environment has it.
"""

from __future__ import annotations

import json
import sys
from _thread import _local as local  # gevent does not replace it
from collections.abc import Callable
from typing import Any

from ..bus.topic_names import objection
from ..domain.nesting import too_deep, too_many
from ..runs.protocol import MOST_VALUES

_AROUND = 10  #: values that a saying has around the fields of a message


class TopicRefused(ValueError):  # noqa: N818  reads as a sentence in the stack trace
    """The script publishes under a topic that is not open to it."""


class Messages:
    """Passes on the messages of the script, and delivers those from outside.

    :param pass_on: called with the topic and the fields of each message of the script
    """

    def __init__(self, pass_on: Callable[[str, dict[str, Any]], None]) -> None:
        self._pass_on = pass_on
        self._injecting = local()

    def begin(self) -> None:
        """Listen to everything the script sends."""
        try:
            from pubsub import pub
        except ImportError:
            return

        # A name that no field of a script has.
        def forward(topic_of_this_message: Any = pub.AUTO_TOPIC, **payload: Any) -> None:
            if not getattr(self._injecting, "now", False):
                topic = topic_of_this_message.getName()
                if (why := objection(topic)) is not None:
                    raise TopicRefused(why)
                fields = {str(name): _carried(value) for name, value in payload.items()}
                if too_many(fields, MOST_VALUES - _AROUND):
                    fields = {
                        name: _shown(one) if isinstance(one, list | dict) else one
                        for name, one in fields.items()
                    }
                self._pass_on(topic, fields)

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
        return _shown(value)


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001
        return f"<{type(value).__name__}>"

"""The bus inside one process: a private pypubsub publisher with a strict topic tree."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

from pubsub.core import ALL_TOPICS, Publisher, TopicDefnError

from .envelope import Envelope
from .topics import TOPICS, Topic

LOG = logging.getLogger(__name__)

Listener = Callable[[Envelope], None]

#: The topic inside a process for messages of scripts, on any topic of their own.
OTHERS = "others"


class LocalBus:
    """Delivers messages to the listeners of this process.

    Keeps strong references to listeners, and isolates them: an exception of one is logged, and affects
    neither the others nor the sender.
    """

    def __init__(self) -> None:
        self._publisher = Publisher()
        self._publisher.setTopicUnspecifiedFatal(True)
        self._references: list[Callable[..., None]] = []
        manager = self._publisher.getTopicMgr()
        for topic in (*TOPICS.values(), Topic(OTHERS)):
            words = topic.name.split(".")
            for n in range(1, len(words)):
                manager.getOrCreateTopic(".".join(words[:n]), _signature(Topic("")))
            manager.getOrCreateTopic(topic.name, _signature(topic))

    def subscribe(self, topic: str, listener: Listener) -> None:
        """Call ``listener`` with every message on ``topic``, one of TOPICS or OTHERS.

        :raises TopicDefnError: for a topic that does not exist
        """
        if topic not in TOPICS and topic != OTHERS:
            raise TopicDefnError(topic.split("."))
        self._subscribe(topic, listener)

    def subscribe_to_all(self, listener: Listener) -> None:
        """Call ``listener`` with every message."""
        self._subscribe(ALL_TOPICS, listener)

    def _subscribe(self, topic: str, listener: Listener) -> None:
        def isolated(**message: Any) -> None:
            try:
                listener(message["envelope"])
            except Exception:  # noqa: BLE001  must not affect other listeners
                LOG.exception("A listener of %s failed", topic)

        self._references.append(isolated)
        self._publisher.subscribe(isolated, topic)

    def check(self, envelope: Envelope) -> None:
        """Check a message of the OET itself against the topic tree before it is sent.

        :raises TopicDefnError: for a topic that does not exist
        :raises TypeError: for a missing or unknown field
        """
        if envelope.topic not in TOPICS:
            raise TopicDefnError(envelope.topic.split("."))
        required, optional = self._publisher.getTopicMgr().getTopic(envelope.topic).getArgs()
        given = {"envelope", *envelope.payload}
        if missing := set(required) - given:
            raise TypeError(f"{envelope.topic} needs the fields {sorted(missing)}")
        if unknown := given - set(required) - set(optional):
            raise TypeError(f"{envelope.topic} has no fields {sorted(unknown)}")

    def deliver(self, envelope: Envelope) -> None:
        """Deliver a message to the listeners of this process; an invalid one is logged and dropped."""
        try:
            if envelope.topic in TOPICS:
                self._publisher.sendMessage(envelope.topic, envelope=envelope, **envelope.payload)
            else:
                self._publisher.sendMessage(OTHERS, envelope=envelope)
        except Exception:  # noqa: BLE001  no message ends the event loop
            LOG.exception("Dropped an invalid message on %s", envelope.topic)


def _signature(topic: Topic) -> Callable[..., None]:
    """Make the function whose signature is the topic's message data specification."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    names = ["envelope"] if topic.name else []
    parameters = [inspect.Parameter(name, keyword) for name in (*names, *topic.fields)]
    parameters += [inspect.Parameter(name, keyword, default=None) for name in topic.optional]

    def specification(**_kwargs: Any) -> None:
        pass

    specification.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return specification

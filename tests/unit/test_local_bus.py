"""The bus inside one process has a strict topic tree."""

from __future__ import annotations

import pytest
from pubsub.core import TopicDefnError

from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.bus.local import OTHERS, LocalBus
from ska_oso_oet.bus.topics import TOPICS, Topic


def _message(topic: str, /, **payload: object) -> Envelope:
    return Envelope(topic=topic, msg_src="me", time=1.0, payload=payload)


def _whole(topic: Topic) -> Envelope:
    return _message(topic.name, **dict.fromkeys(topic.fields))


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_the_tree_has_exactly_the_fields_of_each_topic(topic: Topic) -> None:
    bus = LocalBus()
    required, optional = bus._publisher.getTopicMgr().getTopic(topic.name).getArgs()
    assert set(required) == {"envelope", *topic.fields}
    assert set(optional) == set(topic.optional)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_a_message_with_exactly_its_fields_is_sent_and_heard(topic: Topic) -> None:
    bus, heard = LocalBus(), []
    bus.subscribe(topic.name, heard.append)
    message = _whole(topic)
    bus.check(message)
    bus.deliver(message)
    assert heard == [message]


@pytest.mark.parametrize("topic", [t for t in TOPICS.values() if t.fields], ids=lambda topic: topic.name)
def test_a_missing_field_is_an_error_at_the_sender(topic: Topic) -> None:
    with pytest.raises(TypeError, match=f"{topic.name} needs the fields .*{topic.fields[0]}"):
        LocalBus().check(_message(topic.name, **dict.fromkeys(topic.fields[1:])))


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_an_unknown_field_is_an_error_at_the_sender(topic: Topic) -> None:
    message = _message(topic.name, colour="red", **dict.fromkeys(topic.fields))
    with pytest.raises(TypeError, match=f"{topic.name} has no fields .*colour"):
        LocalBus().check(message)


@pytest.mark.parametrize("name", ["", "procedure", "procedure.lifecycle", "procedure.lifecycle.compleet"])
def test_a_misspelt_topic_is_an_error(name: str) -> None:
    bus = LocalBus()
    with pytest.raises(TopicDefnError):
        bus.check(_message(name))
    with pytest.raises(TopicDefnError):
        bus.subscribe(name, print)


def test_optional_fields_may_be_there() -> None:
    bus, heard = LocalBus(), []
    bus.subscribe("worker.lost", heard.append)
    bus.check(message := _message("worker.lost", worker="Bus", detail="status 1"))
    bus.deliver(message)
    assert heard == [message]


def test_a_failing_listener_stops_neither_the_others_nor_the_sender(caplog: pytest.LogCaptureFixture) -> None:
    bus, heard = LocalBus(), []

    def fails(_message: Envelope) -> None:
        raise RuntimeError("broken listener")

    for listener in (fails, heard.append, fails):
        bus.subscribe("worker.started", listener)
    bus.subscribe_to_all(fails)
    bus.subscribe_to_all(heard.append)
    bus.deliver(_message("worker.started", worker="Bus"))
    assert len(heard) == 2
    assert caplog.text.count("RuntimeError: broken listener") == 3


def test_listeners_are_kept_although_nobody_else_refers_to_them() -> None:
    bus, heard = LocalBus(), []
    bus.subscribe("worker.started", lambda message: heard.append(message))
    bus.deliver(_message("worker.started", worker="Bus"))
    assert len(heard) == 1


def test_messages_of_scripts_are_heard_under_one_name_whatever_their_topic_and_fields() -> None:
    bus, heard, everything = LocalBus(), [], []
    bus.subscribe(OTHERS, heard.append)
    bus.subscribe_to_all(everything.append)
    bus.deliver(_message("my.own.topic", envelope=1, anything=2))
    bus.deliver(_message("worker.started", worker="Bus"))
    assert [m.topic for m in heard] == ["my.own.topic"]
    assert [m.topic for m in everything] == ["my.own.topic", "worker.started"]


@pytest.mark.parametrize("payload", [{}, {"worker": "Bus", "more": 1}, {"envelope": 1, "worker": "Bus"}])
def test_a_broken_message_that_arrives_is_dropped_and_the_next_one_heard(payload: dict[str, object]) -> None:
    bus, heard = LocalBus(), []
    bus.subscribe("worker.started", heard.append)
    bus.deliver(_message("worker.started", **payload))
    bus.deliver(good := _message("worker.started", worker="Bus"))
    assert heard == [good]


def test_two_buses_in_one_process_do_not_hear_each_other() -> None:
    one, other, heard = LocalBus(), LocalBus(), []
    other.subscribe_to_all(heard.append)
    one.deliver(_message("worker.started", worker="Bus"))
    assert heard == []

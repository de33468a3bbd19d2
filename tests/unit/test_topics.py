"""Which topics there are, and which ones scripts may use."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.bus.topic_names import matches, objection
from ska_oso_oet.bus.topics import REFUSED, TOPICS
from ska_oso_oet.domain.events import EVENTS


@pytest.mark.parametrize(
    "topic",
    [
        "user.script.announce",
        "sb.lifecycle.allocated",
        "scan.lifecycle.start",
        "subarray.fault",
        "my.own.topic",
        "one",
        "with-dash.and_underscore.2",
        "requests.of.mine",
        "é.ü",
        "a b",
        "a/b",
        "x" * 200,
    ],
)
def test_a_script_may_publish_under_its_own_topics(topic: str) -> None:
    assert objection(topic) is None


@pytest.mark.parametrize(
    "topic",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a\n",
        "a.\n",
        "x" * 201,
        "request",
        "request.procedure.stop",
        "procedure.lifecycle.failed",
        "activity.lifecycle.running",
        "operator.wait_for_qa_ready.enable",
        "worker.lost",
        "auth.refused",
        "stream.reset",
        "Request.procedure.create.x",
        "PROCEDURE.lifecycle",
        "central.history",
    ],
)
def test_a_script_may_not_publish_under_the_topics_of_the_oet_or_under_no_topic(topic: str) -> None:
    assert objection(topic)


@pytest.mark.parametrize("topic", TOPICS)
def test_no_topic_of_the_oet_itself_is_open_to_scripts(topic: str) -> None:
    assert objection(topic)


def test_every_request_has_replies_and_says_who_answers() -> None:
    requests = [t for t in TOPICS.values() if t.name.startswith("request.") and t.name != REFUSED]
    assert requests
    for topic in requests:
        assert topic.replies
        assert all(reply in TOPICS for reply in topic.replies)
        assert topic.worker or "worker" in topic.fields


def test_queries_and_their_answers_and_output_are_transient_and_nothing_else() -> None:
    assert {name for name, topic in TOPICS.items() if topic.transient} == {
        "request.procedure.list",
        "procedure.pool.list",
        "request.procedure.output",
        "procedure.pool.output",
        "request.script.list",
        "procedure.pool.scripts",
        "request.script.show",
        "procedure.pool.script",
        "request.environment.list",
        "environment.pool.list",
        "request.procedure.check",
        "request.procedure.check_rerun",
        "procedure.pool.checked",
        "request.procedure.inspect",
        "procedure.pool.inspected",
        "request.activity.check",
        "activity.pool.checked",
        "request.operator.state",
        "operator.pool.state",
        "request.operator.drain",
        "operator.pool.drain",
        "request.activity.list",
        "activity.pool.list",
        "procedure.output",
        "user.script.progress",
        "request.central.procedures",
        "request.central.events",
        "request.central.bounds",
        "request.central.health",
        "central.answer",
        "request.worker.ping",
        "worker.pong",
    }


def test_a_reply_to_a_query_is_transient_and_one_to_a_command_is_durable() -> None:
    for topic in TOPICS.values():
        assert all(TOPICS[reply].transient is topic.transient for reply in topic.replies)


def test_every_event_of_a_procedure_is_a_durable_topic_with_the_events_fields() -> None:
    for name, event in EVENTS.items():
        fields = [field.name for field in dataclasses.fields(event) if field.name != "time"]
        assert list(TOPICS[name].fields) == fields
        assert not TOPICS[name].transient


words = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4)


@given(words, words)
def test_a_prefix_matches_whole_words_only(topic: list[str], prefix: list[str]) -> None:
    assert matches(".".join(topic), (".".join(prefix),)) is (topic[: len(prefix)] == prefix)


def test_no_prefix_matches_nothing() -> None:
    assert not matches("a.b", ())

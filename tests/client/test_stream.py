from __future__ import annotations

import itertools
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet_client import OETClient
from ska_oso_oet_client.errors import BadAnswerError, RefusedError, UnreachableError
from ska_oso_oet_client.stream import blocks

from ..support.fake_oet import Answer, FakeOET, sse

HELLO = b": hello\n\n"


@pytest.fixture
def talk() -> list[str]:
    return []


@pytest.fixture
def client(oet: FakeOET) -> Iterator[OETClient]:
    with OETClient(oet.url, sleep=lambda seconds: None) as client:
        yield client


def topics(client: OETClient, talk: list[str], number: int) -> list[str]:
    return [event.topic for event in islice(client.events(notify=talk.append), number)]


def test_a_broken_stream_goes_on_after_the_last_id(oet: FakeOET, client: OETClient, talk: list[str]) -> None:
    oet.plan_stream(HELLO, sse("a", 7), sse("b"))
    oet.plan_stream(HELLO, sse("c", 8))
    assert topics(client, talk, 3) == ["a", "b", "c"]
    first, second = oet.asked("GET", "/stream")
    assert "Last-Event-ID" not in first.headers
    assert second.headers["Last-Event-ID"] == "7"
    assert talk[0].startswith("Event stream lost")
    assert talk[1] == "Event stream is back"


def test_an_event_is_there_at_once_also_without_chunked_encoding(oet: FakeOET, client: OETClient) -> None:
    oet.chunked = False
    oet.plan_stream(HELLO, sse("a", 7), oet.closing)
    events = client.events()
    assert next(events).topic == "a"
    events.close()  # type: ignore[attr-defined]


def test_an_event_cut_short_is_taken_from_the_next_connection(
    oet: FakeOET, client: OETClient, talk: list[str]
) -> None:
    oet.plan_stream(HELLO, sse("a", 7), sse("b", 8)[:-9])
    oet.plan_stream(HELLO, sse("b", 8, whole=True))
    assert topics(client, talk, 2) == ["a", "b"]
    assert oet.asked("GET", "/stream")[1].headers["Last-Event-ID"] == "7"


def test_listening_outlasts_a_server_that_is_away(oet: FakeOET, client: OETClient, talk: list[str]) -> None:
    oet.plan_stream(HELLO, sse("a", 7))
    busy = Answer.problem(503, "starting")
    oet.plan_stream()
    oet.plan_stream()
    oet.plan("GET", "/stream", busy)
    oet.plan_stream(HELLO, sse("b", 8))
    assert topics(client, talk, 2) == ["a", "b"]


def test_patience_with_a_server_that_stays_away_ends(oet: FakeOET, client: OETClient) -> None:
    oet.plan_stream(HELLO, sse("a", 7))
    oet.plan("GET", "/stream", *[Answer(502, b"")] * 99)
    stream = client.event_stream(patience=60, notify=lambda sentence: None)
    with pytest.raises(UnreachableError, match="for 60 s"):
        list(stream)


def test_a_server_that_says_nothing_is_given_up_after_the_limit_that_is_named(
    oet: FakeOET, client: OETClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ska_oso_oet_client.stream.SILENCE", 0.25)
    oet.plan_stream(oet.closing)
    with pytest.raises(UnreachableError, match=r"no answer within 0\.25 s"):
        client.event_stream().open()


def test_a_refusal_ends_listening_at_once(oet: FakeOET, client: OETClient) -> None:
    oet.plan("GET", "/stream", Answer.problem(403, "Needs oet.read"))
    with pytest.raises(RefusedError, match=r"Needs oet\.read"):
        next(client.events())


def test_a_page_that_is_no_stream_is_a_bad_answer(oet: FakeOET, client: OETClient) -> None:
    oet.plan("GET", "/stream", Answer(200, {}, odd=True))
    with pytest.raises(BadAnswerError, match="no event stream"):
        next(client.events())


def test_filters_and_the_first_id_are_sent(oet: FakeOET, client: OETClient) -> None:
    oet.plan_stream(HELLO, sse("a"))
    next(client.events(topics=["a", "b"], exclude=["c"], from_id="41"))
    (request,) = oet.asked("GET")
    assert request.query == {"topics": "a,b", "exclude": "c"}
    assert request.headers["Last-Event-ID"] == "41"


def test_data_that_is_no_object_is_passed_on_as_text(oet: FakeOET, client: OETClient) -> None:
    oet.plan_stream(HELLO + b"event: odd\ndata: [1\n\n")
    event = next(client.events())
    assert (event.topic, event.fields) == ("odd", {"data": "[1"})


@given(st.lists(st.integers(1, 40)), st.sampled_from([b"\n", b"\r\n"]))
def test_blocks_do_not_depend_on_how_the_bytes_arrive(cuts: list[int], end: bytes) -> None:
    whole = [b": hi" + end * 2, b"id: 1" + end + b"data: x" + end * 2, b"data: y" + end * 2]
    source = b"".join(whole) + b"data: cut sho"
    pieces = []
    rest = source
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert list(blocks([*pieces, rest])) == whole


@pytest.mark.parametrize("chunked", [True, False])
def test_large_events_arrive_whole(oet: FakeOET, client: OETClient, chunked: bool) -> None:
    oet.chunked = chunked
    oet.plan_stream(HELLO, sse("large", 7, text="m" * 3_000_000), sse("b", 8), oet.closing)
    large, small = islice(client.events(), 2)
    assert (len(large.fields["text"]), small.topic) == (3_000_000, "b")


def test_a_message_without_an_end_is_not_collected_for_ever() -> None:
    with pytest.raises(BadAnswerError, match="a message of more than 32 MiB"):
        list(blocks(itertools.repeat(b"x" * 2**20)))

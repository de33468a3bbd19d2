from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ska_oso_oet.bus.topics import TOPICS
from ska_oso_oet_client import topics

from ..support.fake_oet import Answer, FakeOET, printed, sse
from .conftest import Result

Run = Callable[..., Result]
TEXT = "--format=text"
AT = 1601461812.0  #: 2020-09-30 10:30:12 UTC
HELLO = b": hello\n\n"
LISTING = sse("request.procedure.list", msg_src="FlaskWorker", pids=None)
CONFIGURED = sse("subarray.configured", 5, msg_src="2", subarray_id=1)


@pytest.fixture
def listen(oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What ``oet listen`` prints of these pieces, until a server that no longer permits it."""

    monkeypatch.setattr("ska_oso_oet_client.stream.FIRST_PAUSE", 0.0)

    def listen_to(*pieces: bytes, options: str = "") -> str:
        oet.plan_stream(HELLO, *pieces)
        oet.plan("GET", "/stream", Answer.problem(403, "enough"))
        result = run("listen", *options.split())
        assert result.status == 4
        assert "Event stream lost" in result.err
        return result.out

    return listen_to


def test_events_are_shown_as_names_and_fields(listen: Callable[..., str]) -> None:
    assert listen(LISTING, CONFIGURED) == (
        "event: request.procedure.list\n"
        "data: args=() kwargs={'msg_src': 'FlaskWorker', 'pids': None}\n"
        "\n"
        "event: subarray.configured\n"
        "data: args=() kwargs={'msg_src': '2', 'subarray_id': 1}\n"
        "\n"
    )


def test_text_is_sentences_output_and_nothing_left_out(listen: Callable[..., str]) -> None:
    shown = listen(LISTING, printed(2, 1, "a "), printed(2, 2, "line"), CONFIGURED, options=TEXT)
    assert shown == (
        "request.procedure.list msg_src='FlaskWorker' pids=None\na line\nSubarray 1 configured\n"
    )


def test_activities_and_the_switch_for_qa_are_shown_as_well(listen: Callable[..., str]) -> None:
    shown = listen(
        sse("activity.lifecycle.statechange", 1, aid=1, new_state="RUNNING"),
        sse("sb.lifecycle.started", 2, sbd_id="sbd-1", sbi_id="sbi-1"),
        sse("operator.wait_for_qa_ready.enable", 3),
        sse("operator.override.state", 4, wait_for_qa_ready=True, override=None),
        options=TEXT,
    )
    assert shown == (
        "activity.lifecycle.statechange aid=1 new_state='RUNNING'\n"
        "Observing SB sbd-1 as sbi-1\n"
        "User request: always wait for QA before scanning\n"
        "operator.override.state wait_for_qa_ready=True override=None\n"
    )


@pytest.mark.parametrize("options", ["--format=json", "--output=json"])
def test_json_is_one_object_per_line(listen: Callable[..., str], options: str) -> None:
    lines = listen(LISTING, CONFIGURED, options=options).splitlines()
    assert json.loads(lines[1]) == {
        "id": "5",
        "topic": "subarray.configured",
        "msg_src": "2",
        "subarray_id": 1,
    }
    assert len(lines) == 2


def test_raw_is_the_stream_itself(listen: Callable[..., str]) -> None:
    assert listen(LISTING, CONFIGURED, options="--format=raw").encode() == (HELLO + LISTING + CONFIGURED)


def test_filters_reach_the_server(oet: FakeOET, listen: Callable[..., str]) -> None:
    listen(options="--topics=subarray,scan --exclude scan.lifecycle --from-id=41")
    request = oet.asked("GET", "/stream")[0]
    assert request.query == {"topics": "subarray,scan", "exclude": "scan.lifecycle"}
    assert request.headers["Last-Event-ID"] == "41"


def test_listening_to_all_subarrays_says_where_something_happens(
    oet: FakeOET, listen: Callable[..., str]
) -> None:
    done = {"result": {"id": 4, "script": {"script_uri": "file://a.py"}}}
    pieces = (
        sse("procedure.lifecycle.complete", 8, msg_src="S", subarray=2, **done),
        sse("user.script.announce", 9, msg_src="1", subarray=3, msg="hello"),
        sse("stream.reset", msg_src="F"),
    )
    assert listen(*pieces, options=f"--all-subarrays {TEXT}") == (
        "[2] Procedure 4 (file://a.py) execution complete on subarray 2\n"
        "[3] Script message: hello\n"
        "stream.reset msg_src='F'\n"
    )
    assert oet.asked("GET", "/stream")[0].query == {"all_subarrays": "true"}
    assert "'subarray': 2" in listen(*pieces, options="--all-subarrays")


def test_the_log_is_one_sentence_a_line_with_time_subarray_and_user(listen: Callable[..., str]) -> None:
    at = AT
    done = {"id": 4, "script": {"script_uri": "file://a.py"}, "created_by": "alice"}
    stop = {"pid": 4, "abort": False}
    shown = listen(
        LISTING,
        sse("procedure.pool.list", msg_src="S", time=at, result=[done]),
        sse("audit.command", 1, time=at, user="alice", name=None, path="/procedures"),
        sse("procedure.lifecycle.statechange", 2, time=at, pid=4, new_state="RUNNING"),
        sse("procedure.lifecycle.started", 3, time=at + 1, result=done),
        printed(4, 1, "working", time=at + 2),
        printed(4, 2, " on it\nand more\n\x1b[2J", time=at + 3),
        sse("request.failed", time=at, topic_="request.procedure.list", detail="there is no 9"),
        sse("own.topic", 4, msg_src="4", time=at + 4, x=1),
        sse("request.procedure.stop", 5, time=at + 5, user="bob", cmd=stop),
        options="--format=log",
    )
    day, *lines = shown.splitlines()
    assert day == "--- 2020-09-30 ---"
    assert lines == [
        "10:30:13Z [1 alice] Procedure 4 (file://a.py) started execution on subarray 1",
        "10:30:14Z [1] 4: working on it",
        "10:30:15Z [1] 4: and more",
        "10:30:16Z [1] own.topic x=1",
        "10:30:17Z [1 bob] User request: stop procedure #4 with no abort",
    ]


def test_the_log_of_all_subarrays_tells_the_day_when_it_changes(listen: Callable[..., str]) -> None:
    said = {"msg_src": "1", "msg": "hello"}
    shown = listen(
        sse("user.script.announce", 8, subarray=2, time=AT, **said),
        sse("user.script.announce", 9, subarray=3, time=AT + 86400, **said),
        options="--format=log --all-subarrays",
    )
    assert shown.splitlines() == [
        "--- 2020-09-30 ---",
        "10:30:12Z [2] Script message: hello",
        "--- 2020-10-01 ---",
        "10:30:12Z [3] Script message: hello",
    ]


@pytest.mark.parametrize(
    ("topics", "said"),
    [
        ("scans", "No topic of the OET begins with scans, but a script's own may; did you mean scan?"),
        (
            "procedure.lifecycel",
            "No topic begins with procedure.lifecycel: there will be nothing of it; "
            "did you mean procedure.lifecycle?",
        ),
        ("my.own", "No topic of the OET begins with my.own, but a script's own may"),
        ("procedure.output,scan,user.script.announce", ""),
    ],
)
@pytest.mark.parametrize("option", ["--topics", "--exclude"])
def test_topics_that_nothing_matches_are_said(
    oet: FakeOET, run: Run, topics: str, said: str, option: str
) -> None:
    oet.plan("GET", "/stream", Answer.problem(403, "enough"))
    err = run("listen", f"{option}={topics}").err.splitlines()
    assert err[:-1] == ([said] if said else [])


def test_the_topics_are_those_of_the_server() -> None:
    streamed = {name: topic for name, topic in TOPICS.items() if not topic.private}
    assert streamed.keys() <= topics.KNOWN
    assert streamed.keys() >= topics.WITHOUT_SENTENCE
    assert {topic.name for topic in streamed.values() if topic.question} == topics.QUESTIONS


def test_without_a_server_listening_does_not_begin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OET_URL", "http://127.0.0.1:1")
    assert run("listen").status == 5

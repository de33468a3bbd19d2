from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .conftest import Result
from .fake_oet import Answer, FakeOET, printed, sse

Run = Callable[..., Result]
TEXT = "--format=text"
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


def test_without_a_server_listening_does_not_begin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OET_URL", "http://127.0.0.1:1")
    assert run("listen").status == 5

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet_client import OETClient, OutputChunk, Procedure
from ska_oso_oet_client.decoding import decode
from ska_oso_oet_client.output_order import OutputOrder

from ..support.fake_oet import Answer, FakeOET, chunk_json, printed, procedure_json, sse
from .conftest import Result

Run = Callable[..., Result]
HELLO = b": hello\n\n"


def ended(pid: int, topic: str = "complete", id: int = 90, **changes: Any) -> bytes:
    state = {"complete": "COMPLETE", "failed": "FAILED", "stopped": "STOPPED"}[topic]
    result = procedure_json(pid, state, **changes)
    return sse(f"procedure.lifecycle.{topic}", id, msg_src="SESWorker", result=result)


def test_start_shows_table_events_output_and_table(oet: FakeOET, run: Run) -> None:
    oet.add(2)
    oet.output[2] = [chunk_json(1, "from init\n")]
    oet.plan_stream(
        HELLO,
        oet.started,
        sse("request.procedure.start", 1, msg_src="FlaskWorker", cmd={"pid": 2}),
        sse("procedure.lifecycle.statechange", 2, msg_src="2", pid=2, new_state="RUNNING"),
        sse("user.script.announce", 3, msg_src="2", msg="working"),
        sse("user.script.announce", 4, msg_src="3", msg="another script"),
        printed(2, 2, "Hello "),
        printed(3, 1, "another script\n"),
        printed(2, 3, "you"),
        sse("my.topic", 5, msg_src="2", x=1),
        ended(2),
    )
    result = run("procedure", "start", "--pid=2")
    lines = result.out.splitlines()
    assert lines[2].split()[-1] == "RUNNING"
    assert lines[3:-3] == [
        "",
        "Events",
        "------",
        "",
        "User request: start execution of process #2",
        "Script message: working",
        "Hello you",
        "my.topic msg_src='2' x=1",
        "Procedure 2 (file:///scripts/2.py) execution complete on subarray 1",
        "",
    ]
    assert lines[-1].split()[-1] == "COMPLETE"
    assert (result.status, result.err) == (0, "")


def test_the_stream_is_open_before_the_script_starts(oet: FakeOET, run: Run) -> None:
    oet.add(2)
    oet.plan_stream(HELLO, oet.started, ended(2))
    run("procedure", "start", "--pid=2")
    paths = [(request.method, request.path) for request in oet.requests]
    assert paths.index(("GET", "/stream")) < paths.index(("PUT", "/procedures/2"))


@pytest.mark.parametrize(("topic", "status"), [("complete", 0), ("failed", 1), ("stopped", 1)])
def test_the_exit_status_tells_how_the_script_ended(oet: FakeOET, run: Run, topic: str, status: int) -> None:
    oet.add(2)
    oet.plan_stream(HELLO, oet.started, ended(2, topic))
    assert run("procedure", "start").status == status


def test_start_as_json_is_lines_and_then_the_procedure(oet: FakeOET, run: Run) -> None:
    oet.add(2)
    oet.plan_stream(HELLO, oet.started, printed(2, 1, "x"), ended(2))
    lines = run("procedure", "start", "--output=json").out.splitlines()
    documents = [json.loads(line) for line in lines]
    assert [document.get("topic") for document in documents] == [
        "procedure.output",
        "procedure.lifecycle.complete",
        None,
    ]
    assert documents[-1]["state"] == "COMPLETE"


def test_a_refused_start_prints_no_table(oet: FakeOET, run: Run) -> None:
    oet.plan_stream(HELLO)
    result = run("procedure", "start", "--pid=9")
    assert (result.status, result.out) == (3, "")


def test_run_creates_starts_and_follows(oet: FakeOET, run: Run) -> None:
    request = {"request_id": 5, "cmd": {"script": {"script_uri": "file://x.py"}}}
    other = {"request_id": 6, "cmd": {"script": {"script_uri": "file://other.py"}}}
    oet.plan_stream(
        HELLO,
        oet.created,
        sse("request.procedure.create", 1, **request),
        sse("request.procedure.create", 2, **other),
        sse("procedure.lifecycle.created", 3, request_id=5, result=procedure_json(1)),
        printed(1, 1, "init\n"),
        sse("procedure.lifecycle.statechange", 4, msg_src="1", new_state="IDLE"),
        sse("procedure.lifecycle.statechange", 5, msg_src="1", new_state="READY"),
        sse("procedure.lifecycle.ready", 6, result=procedure_json(1)),
        oet.started,
        printed(1, 2, "main\n"),
        ended(1),
    )
    oet.plan("GET", "/procedures/1", Answer(body=procedure_json(1)))
    result = run("procedure", "run", "file://x.py", "bob", '--init_kwargs={"a": 1}')
    assert result.out.splitlines()[7:-4] == [
        "User request: prepare file://x.py for execution on subarray 1",
        "init",
        "Procedure 1 (file:///scripts/1.py) ready for execution on subarray 1",
        "main",
        "Procedure 1 (file:///scripts/1.py) execution complete on subarray 1",
    ]
    assert oet.asked("POST")[0].body["script_args"]["init"]["kwargs"] == {"subarray_id": 1, "a": 1}
    assert oet.asked("PUT")[0].body["script_args"]["main"]["args"] == ["bob"]
    assert result.status == 0


def test_run_ends_when_the_script_cannot_be_loaded(oet: FakeOET, run: Run) -> None:
    oet.plan_stream(HELLO, oet.created, ended(1, "failed"))
    result = run("procedure", "run", "file://x.py")
    assert result.status == 1
    assert not oet.asked("PUT")


def test_create_can_listen_until_the_script_is_ready(oet: FakeOET, run: Run) -> None:
    oet.plan_stream(HELLO, oet.created, ended(1, "failed"))
    assert run("procedure", "create", "file://x.py", "--listen").status == 1


def follow(oet: FakeOET, clock: Callable[[], float] = lambda: 0.0) -> tuple[str, Procedure]:
    """All output of procedure 2, and the procedure at the end."""
    talk: list[str] = []
    with OETClient(oet.url, sleep=lambda seconds: None) as client:
        with client.follower(talk.append, clock) as follower:
            items = list(follower.follow(2))
    last = items.pop()
    assert isinstance(last, Procedure)
    return "".join(item.text for item in items if isinstance(item, OutputChunk)), last


def test_skipped_output_is_fetched_in_order_and_once(oet: FakeOET) -> None:
    oet.add(2, "RUNNING")
    oet.output[2] = [chunk_json(n, f"{n} ") for n in range(1, 10)]
    oet.plan_stream(HELLO, printed(2, 1, "1 "), printed(2, 5, "5 "), printed(2, 6, "6 "), ended(2))
    assert follow(oet)[0] == "1 2 3 4 5 6 7 8 9 "


def test_output_after_the_last_event_is_shown_before_the_end(oet: FakeOET) -> None:
    oet.add(2, "RUNNING")
    oet.output[2] = [chunk_json(n, f"{n} ") for n in range(1, 6)]
    oet.plan_stream(HELLO, ended(2))
    assert follow(oet)[0] == "1 2 3 4 5 "


def test_an_end_missed_while_disconnected_is_replayed(oet: FakeOET) -> None:
    oet.add(2, "COMPLETE")
    oet.plan_stream(HELLO, sse("user.script.announce", 7, msg_src="2", msg="x"))
    oet.plan_stream(HELLO, ended(2, id=8))
    assert follow(oet)[1].state == "COMPLETE"
    assert oet.asked("GET", "/stream")[1].headers["Last-Event-ID"] == "7"


def test_an_end_that_cannot_be_replayed_is_asked_for(oet: FakeOET) -> None:
    oet.add(2, "FAILED")
    oet.output[2] = [chunk_json(1, "last words")]
    oet.plan_stream(HELLO)
    oet.plan_stream(HELLO)
    assert follow(oet) == ("last words", decode(Procedure, oet.procedures[2]))


def test_following_ends_when_the_stream_stays_silent_about_the_end(oet: FakeOET) -> None:
    oet.add(2, "FAILED")
    ticks = iter(range(0, 10_000, 15))
    oet.plan_stream(HELLO, sse("user.script.announce", 7, msg_src="2", msg="x"), HELLO, HELLO, HELLO)
    assert follow(oet, lambda: next(ticks))[1].state == "FAILED"
    assert len(oet.asked("GET", "/stream")) == 1


def test_logs_follow_resumes_after_the_last_piece_and_ends(oet: FakeOET) -> None:
    path = "/procedures/2/output"
    oet.add(2, "RUNNING")
    oet.output[2] = [chunk_json(n, f"{n}\n") for n in range(1, 6)]
    piece = {"pid": 2, "time": 1.0, "stream": "stdout"}
    oet.plan_stream(HELLO, sse("procedure.output", 6, n=6, text="a", **piece), path=path)
    oet.plan_stream(
        HELLO,
        sse("procedure.output", 7, n=7, text="b", **piece),
        sse("procedure.output.end", state="COMPLETE"),
        path=path,
    )
    with OETClient(oet.url, sleep=lambda seconds: None) as client:
        chunks = list(client.live_output(2, tail=2, streams=["stdout"], notify=lambda text: None))
    assert [chunk.text for chunk in chunks] == ["4\n", "5\n", "a", "b"]
    page, first, second = oet.asked("GET", path)
    assert (page.query["tail"], page.query["stream"]) == ("2", "stdout")
    assert first.query == {"follow": "true", "stream": "stdout"}
    assert [request.headers["Last-Event-ID"] for request in (first, second)] == ["5", "6"]


def test_a_repeated_piece_is_passed_on_once() -> None:
    recorded = [OutputChunk(n=n, stream="stdout", text=str(n)) for n in range(1, 5)]
    order = OutputOrder(lambda after: recorded[after:])
    assert [chunk.n for chunk in order.accept(recorded[2])] == [1, 2, 3, 4]
    assert list(order.accept(recorded[1])) == []
    assert list(order.catch_up()) == []


def test_missing_output_is_fetched_when_the_server_is_back(oet: FakeOET) -> None:
    oet.add(2, "RUNNING")
    oet.output[2] = [chunk_json(n, f"{n} ") for n in range(1, 6)]
    busy = Answer.problem(503, "a worker is not there")
    oet.plan("GET", "/procedures/2/output", busy, Answer(502, b""), busy)
    oet.plan_stream(HELLO, printed(2, 3, "3 "), ended(2))
    assert follow(oet)[0] == "1 2 3 4 5 "


def test_a_failed_abort_is_shown(oet: FakeOET, run: Run) -> None:
    oet.add(2)
    failed = sse("procedure.abort.failed", 5, pid=2, abort_procedure=3, detail="no subarray")
    oet.plan_stream(HELLO, oet.started, failed, ended(2, "stopped"))
    assert "SUBARRAY 1 WAS NOT ABORTED: no subarray\n" in run("procedure", "start").out

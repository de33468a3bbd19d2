from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet_client import Activity, Event, OETClient, OutputChunk
from ska_oso_oet_client.decoding import decode

from ..support.fake_oet import Answer, FakeOET, activity_json, chunk_json, printed, procedure_json, sse
from .conftest import Result

Run = Callable[..., Result]
HELLO = b": hello\n\n"
WORKER = "ActivityWorker"
RUN = ("activity", "run", "observe", "sbd-123")
REFUSED = {"reason": "start_refused", "detail": "procedure 9 is\nRUNNING"}


def changed(aid: int, state: str, id: int, **changes: Any) -> bytes:
    result = activity_json(aid, state, **changes)
    fields = {"aid": aid, "old_state": "REQUESTED", "new_state": state, "result": result}
    return sse("activity.lifecycle.statechange", id, msg_src=WORKER, **fields)


def ended(aid: int, topic: str = "complete", id: int = 90, **changes: Any) -> bytes:
    result = activity_json(aid, topic.upper(), **changes)
    return sse(f"activity.lifecycle.{topic}", id, msg_src=WORKER, result=result)


def procedure_ended(pid: int, topic: str = "complete", id: int = 80) -> bytes:
    result = procedure_json(pid, topic.upper())
    return sse(f"procedure.lifecycle.{topic}", id, msg_src=str(pid), result=result)


def asked_for_procedure(kind: str, id: int, **cmd: Any) -> bytes:
    return sse(f"request.procedure.{kind}", id, msg_src=WORKER, request_id=60, cmd=cmd)


def test_run_shows_table_events_output_and_table(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    oet.output[1] = [chunk_json(n, text) for n, text in enumerate(("init\n", "main ", "end\n"), 1)]
    sb = {"msg_src": WORKER, "sbd_id": "sbd-123"}
    cmd = {"activity_name": "observe", "sbd_id": "sbd-123"}
    oet.plan_stream(
        HELLO,
        oet.requested,
        sse("request.activity.run", 1, msg_src="FlaskWorker", request_id=5, cmd=cmd),
        asked_for_procedure("create", 2, script={"script_uri": "file:///x.py"}),
        sse("procedure.lifecycle.created", 3, request_id=60, result=procedure_json(1)),
        sse("activity.lifecycle.running", 4, request_id=5, result=activity_json(1)),
        sse("sb.lifecycle.started", 5, sbi_id="sbi-1", **sb),
        sse("sb.lifecycle.started", 6, sbi_id="sbi-2", **sb),
        printed(1, 1, "init\n"),
        sse("procedure.lifecycle.ready", 7, msg_src="1", result=procedure_json(1)),
        changed(1, "PREPARED", 8),
        asked_for_procedure("start", 9, pid=1),
        changed(1, "RUNNING", 10),
        ended(2, id=11),
        sse("user.script.announce", 12, msg_src="1", msg="working"),
        sse("operator.wait_for_qa_ready.override", 13, msg_src="FlaskWorker"),
        sse("operator.override.state", 14, msg_src="SESWorker", wait_for_qa_ready=True, override=None),
        procedure_ended(1),
        changed(1, "COMPLETE", 81),
        sse("sb.lifecycle.finished.succeeded", 82, sbi_id="sbi-1", **sb),
        ended(1),
    )
    result = run(*RUN)
    lines = result.out.splitlines()
    assert lines[2].split()[-1] == "REQUESTED"
    assert lines[3:-3] == [
        "",
        "Events",
        "------",
        "",
        "User request: run observe of sbd-123 on subarray 1",
        "Observing SB sbd-123 as sbi-1",
        "init",
        "main end",
        "Procedure 1 (file:///scripts/1.py) ready for execution on subarray 1",
        "Script message: working",
        "User request: bypass any active wait for QA",
        "Procedure 1 (file:///scripts/1.py) execution complete on subarray 1",
        "SB sbd-123 observed as sbi-1",
        "Activity 1 (observe of sbd-123) complete",
        "",
    ]
    assert lines[-1].split()[-1] == "COMPLETE"
    assert (result.status, result.err) == (0, "")


def test_the_stream_is_open_before_the_activity_is_requested(oet: FakeOET, run: Run) -> None:
    oet.plan_stream(HELLO, oet.requested, ended(1, procedure_id=None))
    run(*RUN)
    paths = [(request.method, request.path) for request in oet.requests]
    assert paths.index(("GET", "/stream")) < paths.index(("POST", "/activities"))


def test_questions_between_workers_are_not_asked_for(oet: FakeOET, run: Run) -> None:
    oet.plan_stream(HELLO, oet.requested, ended(1))
    run(*RUN)
    excluded = oet.asked("GET", "/stream")[0].query["exclude"].split(",")
    assert {"request.activity.list", "activity.pool", "request.operator", "operator.pool"} <= {*excluded}


@pytest.mark.parametrize("topic", ["failed", "stopped"])
def test_an_activity_that_is_not_complete_says_why_once(oet: FakeOET, run: Run, topic: str) -> None:
    oet.add(1)
    oet.plan_stream(HELLO, oet.requested, procedure_ended(1, topic), ended(1, topic, outcome=REFUSED))
    result = run(*RUN)
    assert result.status == 1
    assert (result.out + result.err).count("procedure 9 is RUNNING") == 1
    assert ("More about its script: oet procedure describe --pid=1" in result.err) is (topic == "failed")


def test_without_a_reason_the_state_has_to_do(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    oet.plan_stream(HELLO, oet.requested, ended(1, "failed"))
    assert "Activity 1 (observe of sbd-123) failed: no reason given\n" in run(*RUN).out


def test_following_ends_with_the_activity_whose_procedure_never_ran(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    ready = sse("procedure.lifecycle.ready", 6, msg_src="1", result=procedure_json(1))
    failed = ended(1, "failed", outcome=REFUSED)
    oet.plan_stream(HELLO, oet.requested, ready, changed(1, "FAILED", 7), failed)
    result = run(*RUN)
    assert result.status == 1
    assert "Activity 1 (observe of sbd-123) failed: procedure 9 is RUNNING\n" in result.out


def test_prepare_only_is_followed_until_the_activity_is_prepared(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    oet.plan_stream(HELLO, oet.requested, changed(2, "PREPARED", 5), changed(1, "PREPARED", 6), oet.closing)
    result = run(*RUN, "--prepare-only")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[-1].split()[-1] == "PREPARED"


def test_a_script_started_by_others_while_we_were_cut_off_was_prepared(
    oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ska_oso_oet_client.stream.FIRST_PAUSE", 0.0)
    oet.add(1)
    oet.plan("GET", "/activities/1", Answer(body=activity_json(1, "RUNNING")))
    oet.plan_stream(HELLO)
    oet.plan_stream(HELLO, oet.closing)
    result = run(*RUN, "--prepare-only")
    assert result.status == 0
    assert result.out.splitlines()[-1].split()[-1] == "RUNNING"


def test_prepare_only_ends_when_the_script_cannot_be_loaded(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    oet.plan_stream(HELLO, oet.requested, ended(1, "failed", outcome=REFUSED))
    assert run(*RUN, "--prepare-only").status == 1


def test_run_as_json_is_lines_and_then_the_activity(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    oet.plan_stream(HELLO, oet.requested, printed(1, 1, "x"), ended(1))
    documents = [json.loads(line) for line in run(*RUN, "--output=json").out.splitlines()]
    assert [document.get("topic") for document in documents] == [
        "procedure.output",
        "activity.lifecycle.complete",
        None,
    ]
    assert documents[-1]["state"] == "COMPLETE"


def follow(
    oet: FakeOET, clock: Callable[[], float] = lambda: 0.0, **activity: Any
) -> tuple[list[Event | OutputChunk | Activity], Activity]:
    """What is shown of activity 1, and the activity at the end."""
    with OETClient(oet.url, sleep=lambda seconds: None) as client:
        with client.follower(lambda text: None, clock) as follower:
            *items, last = follower.follow_activity(decode(Activity, activity_json(1, **activity)))
    assert isinstance(last, Activity)
    return items, last


def test_an_end_missed_while_disconnected_is_replayed(oet: FakeOET) -> None:
    oet.add(1, "COMPLETE")
    oet.add_activity(1, "COMPLETE")
    oet.plan_stream(HELLO, procedure_ended(1, id=7))
    oet.plan_stream(HELLO, ended(1, id=8))
    assert follow(oet)[1].state == "COMPLETE"
    assert oet.asked("GET", "/stream")[1].headers["Last-Event-ID"] == "7"


def test_an_end_that_cannot_be_replayed_is_asked_for_in_spite_of_a_restart(oet: FakeOET) -> None:
    oet.add(1, "FAILED")
    oet.add_activity(1, "FAILED")
    oet.plan("GET", "/activities/1", Answer.problem(503, "a worker is not there"), Answer(502, b""))
    oet.plan_stream(HELLO)
    oet.plan_stream(HELLO)
    assert follow(oet)[1] == decode(Activity, oet.activities[1])


def test_following_ends_when_the_stream_stays_silent_about_the_end(oet: FakeOET) -> None:
    oet.add(1, "COMPLETE")
    oet.add_activity(1, "COMPLETE")
    ticks = iter(range(0, 10_000, 15))
    oet.plan_stream(HELLO, procedure_ended(1, id=7), HELLO, HELLO, HELLO)
    assert follow(oet, lambda: next(ticks))[1].state == "COMPLETE"


def test_the_end_of_the_procedure_is_not_the_end_of_the_activity(oet: FakeOET) -> None:
    oet.add(1, "COMPLETE")
    oet.add_activity(1, "RUNNING")
    ticks = iter(range(0, 10_000, 15))
    oet.plan_stream(HELLO, procedure_ended(1, id=7), HELLO, HELLO, HELLO, ended(1))
    items, last = follow(oet, lambda: next(ticks))
    topics = [item.topic for item in items if isinstance(item, Event)]
    assert topics == ["procedure.lifecycle.complete", "activity.lifecycle.complete"]
    assert last.state == "COMPLETE"


def test_procedures_of_others_do_not_matter_to_an_activity_without_one(oet: FakeOET) -> None:
    oet.plan_stream(
        HELLO, printed(1, 1, "x"), procedure_ended(1, id=7), ended(1, "failed", procedure_id=None)
    )
    items, last = follow(oet, procedure_id=None)
    assert [item.topic for item in items if isinstance(item, Event)] == ["activity.lifecycle.failed"]
    assert last.state == "FAILED"


def test_a_stop_of_the_activity_is_told_once(oet: FakeOET) -> None:
    oet.add(1)
    stop = {"msg_src": "FlaskWorker", "cmd": {"aid": 1, "abort": True}}
    other = {"msg_src": "FlaskWorker", "cmd": {"aid": 2, "abort": True}}
    by_hand = {"msg_src": "FlaskWorker", "cmd": {"pid": 1, "abort": True}}
    oet.plan_stream(
        HELLO,
        sse("request.activity.stop", 1, **stop),
        sse("request.activity.stop", 2, **other),
        asked_for_procedure("stop", 3, pid=1),
        sse("request.procedure.stop", 4, **by_hand),
        ended(1, "stopped"),
    )
    assert [item.id for item in follow(oet)[0] if isinstance(item, Event)] == ["1", "4", "90"]

from __future__ import annotations

from typing import Any

import pytest

from ska_oso_oet_client.events import Event
from ska_oso_oet_client.sentences import PATTERNS, name_and_fields, sentence

PROCEDURE = {"id": 2, "script": {"script_uri": "file:///x.py"}}
FAILED = {**PROCEDURE, "outcome": {"reason": "script_error", "detail": "ValueError:\n no"}}
SCAN = {"sb_id": "sb-1", "scan_id": 4}
SB = {"sb_id": "sb-1"}
SUBARRAY = {"subarray_id": 6}
PAUSED = {"state": "paused", "checkpoint": "scan", "n": 3, "of": 5}

ACTIVITY = {"id": 4, "activity_name": "observe", "sbd_id": "sbd-1"}
SBI = {"sbd_id": "sbd-1", "sbi_id": "sbi-7", "msg_src": "ActivityWorker"}

SAID: list[tuple[str, dict[str, Any], str]] = [
    (
        "request.procedure.create",
        {"cmd": {"script": {"script_uri": "file:///x.py"}}},
        "User request: prepare file:///x.py for execution on subarray 3",
    ),
    (
        "request.procedure.rerun",
        {"cmd": {"pid": 2}},
        "User request: run procedure #2 once more",
    ),
    (
        "request.procedure.start",
        {"cmd": {"pid": 2}},
        "User request: start execution of process #2",
    ),
    (
        "request.procedure.stop",
        {"cmd": {"pid": 2, "abort": True}},
        "User request: stop procedure #2 with abort",
    ),
    (
        "request.procedure.stop",
        {"cmd": {"pid": 2, "abort": False}},
        "User request: stop procedure #2 with no abort",
    ),
    (
        "procedure.survivors.found",
        {
            "pid": 2,
            "survivors": [
                {"pid": 7, "command": "sleep 9", "state": "D (disk sleep)"},
                {"pid": 8, "command": "cat /mnt", "state": "D (disk sleep)"},
            ],
        },
        "NOT EVERYTHING of procedure 2 HAS ENDED: process 7 (sleep 9) is in kernel state D (disk sleep); "
        "process 8 (cat /mnt) is in kernel state D (disk sleep)",
    ),
    (
        "request.procedure.pause",
        {"pid": 2, "wanted": True, "note": "cloud"},
        "User request: pause procedure #2: cloud",
    ),
    ("request.procedure.pause", {"pid": 2, "wanted": False}, "User request: resume procedure #2"),
    (
        "request.procedure.answer",
        {"pid": 2, "answer": "yes"},
        "User request: answer yes to procedure #2",
    ),
    (
        "procedure.pause.requested",
        {"pid": 2, "pause": {"state": "requested"}},
        "Procedure 2 pauses at its next checkpoint",
    ),
    (
        "procedure.pause.requested",
        {"pid": 2, "pause": {"state": "requested", "at": "scan.*"}},
        "Procedure 2 pauses at a checkpoint that matches scan.*",
    ),
    ("procedure.pause.withdrawn", {"pid": 2, "pause": {}}, "Procedure 2 does not pause"),
    ("procedure.pause.paused", {"pid": 2, "pause": PAUSED}, "Procedure 2 has paused at scan 3 of 5"),
    ("procedure.pause.resumed", {"pid": 2, "pause": {}}, "Procedure 2 goes on"),
    (
        "procedure.pause.missed",
        {"pid": 2, "pause": {"state": "missed"}},
        "Procedure 2 has ended without a pause: it has not passed its next checkpoint",
    ),
    (
        "procedure.pause.reminder",
        {"pid": 2, "pause": {"state": "paused", "checkpoint": "scan"}},
        "Procedure 2 is still paused at scan",
    ),
    (
        "procedure.question.asked",
        {"pid": 2, "question": {"text": "Is it dry?", "choices": ["yes", "no"]}},
        "Procedure 2 asks: Is it dry? (yes, no); to answer: oet procedure answer … --pid=2",
    ),
    (
        "procedure.question.answered",
        {"pid": 2, "question": {"text": "Is it dry?", "answer": "yes", "state": "answered"}},
        "Procedure 2 has the answer yes",
    ),
    (
        "procedure.question.answered",
        {"pid": 2, "question": {"text": "Is it dry?", "answer": "no", "state": "default"}},
        "Procedure 2 has its default as answer: no",
    ),
    (
        "procedure.question.answered",
        {"pid": 2, "question": {"text": "Is it dry?", "answer": None, "state": "default"}},
        "Procedure 2 has no answer in time",
    ),
    (
        "user.script.progress",
        {"pid": 2, "progress": {"done": 2, "of": 5, "unit": "scans", "text": "M87"}},
        "Procedure 2: 2 of 5 scans, M87",
    ),
    (
        "user.script.progress",
        {"pid": 2, "progress": {"done": 2, "of": None, "unit": "scans", "text": ""}},
        "Procedure 2: 2 scans",
    ),
    ("procedure.survivors.gone", {"pid": 2}, "What was left of procedure 2 has ended"),
    (
        "procedure.lifecycle.ready",
        {"result": PROCEDURE},
        "Procedure 2 (file:///x.py) ready for execution on subarray 3",
    ),
    (
        "procedure.lifecycle.slowed",
        {"pid": 2, "rate": 200.0},
        "Procedure 2 sends too many messages, and is slowed down to 200 per second",
    ),
    (
        "procedure.lifecycle.started",
        {"result": PROCEDURE, "subarray_id": 6},
        "Procedure 2 (file:///x.py) started execution on subarray 6",
    ),
    (
        "procedure.lifecycle.complete",
        {"result": PROCEDURE},
        "Procedure 2 (file:///x.py) execution complete on subarray 3",
    ),
    (
        "procedure.lifecycle.failed",
        {"result": FAILED},
        "Procedure 2 (file:///x.py) execution failed on subarray 3: ValueError: no",
    ),
    (
        "procedure.lifecycle.failed",
        {"result": {**PROCEDURE, "history": {"stacktrace": "Traceback:\nKeyError: 'a'\n"}}},
        "Procedure 2 (file:///x.py) execution failed on subarray 3: KeyError: 'a'",
    ),
    (
        "procedure.lifecycle.stopped",
        {"result": PROCEDURE},
        "Procedure 2 (file:///x.py) execution stopped on subarray 3",
    ),
    ("request.procedure.abort", {"cmd": {"restart": False}}, "User request: abort subarray 3"),
    ("request.procedure.abort", {"cmd": {"restart": True}}, "User request: abort subarray 3 and restart it"),
    (
        "procedure.abort.failed",
        {"pid": 2, "abort_procedure": 3, "detail": "timeout"},
        "SUBARRAY 3 WAS NOT ABORTED: timeout",
    ),
    (
        "procedure.abort.complete",
        {"pid": 4, "detail": None},
        "The abort of subarray 3 (procedure 4) is complete",
    ),
    (
        "request.activity.run",
        {"cmd": {"activity_name": "observe", "sbd_id": "sbd-1"}},
        "User request: run observe of sbd-1 on subarray 3",
    ),
    (
        "request.activity.rerun",
        {"cmd": {"aid": 4}},
        "User request: run activity #4 once more",
    ),
    (
        "request.activity.stop",
        {"cmd": {"aid": 4, "abort": True}},
        "User request: stop activity #4 with abort",
    ),
    (
        "request.activity.stop",
        {"cmd": {"aid": 4, "abort": False}},
        "User request: stop activity #4 with no abort",
    ),
    (
        "activity.lifecycle.complete",
        {"result": ACTIVITY},
        "Activity 4 (observe of sbd-1) complete",
    ),
    (
        "activity.lifecycle.failed",
        {"result": {**ACTIVITY, "outcome": {"reason": "refused", "detail": "it is\nbusy"}}},
        "Activity 4 (observe of sbd-1) failed: it is busy",
    ),
    (
        "activity.lifecycle.stopped",
        {"result": ACTIVITY},
        "Activity 4 (observe of sbd-1) stopped",
    ),
    ("sb.lifecycle.started", SBI, "Observing SB sbd-1 as sbi-7"),
    ("sb.lifecycle.finished.succeeded", SBI, "SB sbd-1 observed as sbi-7"),
    ("sb.lifecycle.finished.failed", SBI, "Observing SB sbd-1 as sbi-7 failed"),
    (
        "operator.wait_for_qa_ready.enable",
        {},
        "User request: always wait for QA before scanning",
    ),
    (
        "operator.wait_for_qa_ready.disable",
        {},
        "User request: never wait for QA before scanning",
    ),
    (
        "operator.wait_for_qa_ready.override",
        {},
        "User request: bypass any active wait for QA",
    ),
    ("request.failed", {"detail": "procedure 1 is RUNNING"}, "Refused: procedure 1 is RUNNING"),
    (
        "auth.refused",
        {"method": "PUT", "path": "/procedures/1", "why": "needs execute"},
        "NOT PERMITTED: PUT /procedures/1: needs execute",
    ),
    (
        "operator.override.state",
        {"wait_for_qa_ready": True, "override": {"state": "acknowledged", "procedure_id": 2}},
        "Bypass of the wait for QA acknowledged for procedure 2",
    ),
    ("operator.drain.begin", {"reason": "an upgrade"}, "User request: take no new work: an upgrade"),
    ("operator.drain.begin", {"reason": None}, "User request: take no new work"),
    ("operator.drain.end", {}, "User request: take new work again"),
    ("operator.drain.state", {"drained": True}, "New work is refused from now on"),
    ("operator.drain.state", {"drained": False}, "New work is taken from now on"),
    (
        "worker.lost",
        {"worker": "SESWorker", "detail": "ended with status -9"},
        "SESWorker ended with status -9; it is started again",
    ),
    ("worker.restarted", {"worker": "SESWorker"}, "SESWorker was started again"),
    ("user.script.announce", {"msg": "hello {x}"}, "Script message: hello {x}"),
    ("sb.lifecycle.allocated", SB, "Resources allocated using SB sb-1"),
    ("sb.lifecycle.observation.started", SB, "Observation for SB sb-1 started"),
    ("sb.lifecycle.observation.finished.succeeded", SB, "Observation for SB sb-1 complete"),
    ("sb.lifecycle.observation.finished.failed", SB, "Observation for SB sb-1 failed"),
    ("telescope.obs_state", {**SUBARRAY, "obs_state": "IDLE"}, "Subarray 6 is IDLE"),
    ("execution_block.started", {**SB, "eb_id": "eb-1"}, "Execution block eb-1 of SB sb-1 started"),
    (
        "execution_block.command",
        {"command": "Configure", "device": "mid-tmc/subarray/06", "answer": "OK"},
        "Configure to mid-tmc/subarray/06: OK",
    ),
    ("execution_block.finished", {"eb_id": "eb-1", "status": "Observed"}, "Execution block eb-1: Observed"),
    ("subarray.resources.allocated", SUBARRAY, "Subarray 6: resources allocated"),
    ("subarray.resources.deallocated", SUBARRAY, "Subarray 6: resources released"),
    ("subarray.configured", SUBARRAY, "Subarray 6 configured"),
    ("subarray.scan.started", SUBARRAY, "Subarray 6: scan started"),
    ("subarray.scan.finished", SUBARRAY, "Subarray 6: scan complete"),
    ("subarray.fault", {**SUBARRAY, "error": "no beam"}, "Subarray 6 error: no beam"),
    ("scan.lifecycle.configure.started", SCAN, "SB sb-1: configuring for scan 4"),
    ("scan.lifecycle.configure.complete", SCAN, "SB sb-1: scan 4 configuration complete"),
    ("scan.lifecycle.configure.failed", SCAN, "SB sb-1: scan 4 configuration failed"),
    ("scan.lifecycle.start", SCAN, "SB sb-1: scan 4 starting"),
    ("scan.lifecycle.end.succeeded", SCAN, "SB sb-1: scan 4 complete"),
    ("scan.lifecycle.end.failed", SCAN, "SB sb-1: scan 4 failed"),
]


@pytest.mark.parametrize(("topic", "fields", "said"), SAID)
def test_an_event_is_a_sentence(topic: str, fields: dict[str, Any], said: str) -> None:
    assert sentence(Event(topic=topic, fields=fields), 3) == said


@pytest.mark.parametrize(
    ("topic", "fields", "said"),
    [
        (
            "request.procedure.start",
            {"cmd": {"pid": 2}, "user": "alice"},
            "User request: start execution of process #2",
        ),
        (
            "operator.drain.begin",
            {"reason": "an upgrade", "user": "alice"},
            "User request: take no new work: an upgrade",
        ),
        (
            "procedure.lifecycle.stopped",
            {"result": {**PROCEDURE, "created_by": "bob", "stopped_by": "alice"}, "user": "bob"},
            "Procedure 2 (file:///x.py) execution stopped on subarray 3",
        ),
    ],
)
def test_requests_and_stops_are_told_with_their_user(topic: str, fields: dict[str, Any], said: str) -> None:
    event = Event(topic=topic, fields=fields)
    assert sentence(event, 3) == f"{said} (by alice)"
    assert sentence(event, 3, with_user=False) == said


def test_a_command_at_the_end_of_a_reason_can_be_copied() -> None:
    trace = 'File "/scripts/x.py", line 4, in main\nWrong: no'
    for detail, end in (
        ("Wrong: no", "Wrong: no (x.py line 4)"),
        ("To mend it: oet abort", "To mend it: oet abort"),
    ):
        result = {**PROCEDURE, "outcome": {"detail": detail}, "history": {"stacktrace": trace}}
        said = sentence(Event(topic="procedure.lifecycle.failed", fields={"result": result}), 3)
        assert said is not None
        assert said.endswith(end)


def test_no_sentence_is_untested() -> None:
    assert {topic for topic, _, _ in SAID} == set(PATTERNS)


@pytest.mark.parametrize("topic", [*(t for t in PATTERNS if "{" in PATTERNS[t]), "my.topic"])
@pytest.mark.parametrize("fields", [{}, {"cmd": None, "result": None}, {"cmd": 3, "result": "x"}])
def test_an_event_without_its_fields_is_no_sentence(topic: str, fields: dict[str, Any]) -> None:
    assert sentence(Event(topic=topic, fields=fields), 3) is None


def test_any_event_can_be_shown_as_name_and_fields() -> None:
    assert name_and_fields(Event(topic="my.topic", fields={"a": 1, "b": "c d"})) == ("my.topic a=1 b='c d'")
    assert name_and_fields(Event(topic="my.topic", fields={})) == "my.topic"

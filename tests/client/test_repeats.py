"""While something is followed nothing is told twice."""

from __future__ import annotations

from typing import Any

import pytest

from ska_oso_oet_client.cli.narration import MACHINERY, TextNarrator
from ska_oso_oet_client.events import Event, OutputChunk

REPORT = "subarray 1 is EMPTY: there was nothing to abort"


def event(topic: str, **fields: Any) -> Event:
    return Event(topic=topic, fields=fields)


def announced(text: str = REPORT) -> Event:
    return event("user.script.announce", msg=text)


def printed(text: str = f"{REPORT}\n") -> OutputChunk:
    return OutputChunk(n=1, time=1.0, stream="stdout", text=text)


def failed(what: str, detail: str, **more: Any) -> Event:
    result = {"id": 3, "outcome": {"reason": "script_error", "detail": detail}, **more}
    return event(f"{what}.lifecycle.failed", result=result)


def told(capsys: pytest.CaptureFixture[str], *items: Event | OutputChunk, following: bool = True) -> str:
    narrator = TextNarrator(1, MACHINERY if following else ())
    for item in items:
        if isinstance(item, Event):
            narrator.event(item)
        else:
            narrator.output(item)
    return capsys.readouterr().out


def test_a_message_that_is_also_printed_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, announced(), printed()) == f"Script message: {REPORT}\n"
    assert told(capsys, printed(), announced()) == f"{REPORT}\n"


def test_what_is_printed_again_is_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, announced(), printed(), printed()).count(REPORT) == 2
    assert told(capsys, announced(), printed("other\n"), printed()).count(REPORT) == 2
    assert told(capsys, announced(), announced()).count(REPORT) == 2
    assert told(capsys, printed("so far "), printed(), announced()).count(REPORT) == 1


def test_who_only_listens_is_told_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, announced(), printed(), following=False).count(REPORT) == 2


def test_the_reason_of_a_failure_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    why = "WrongState: subarray 1 is ABORTED"
    script = {"script": {"script_uri": "file://observe.py"}}
    activity = {"activity_name": "observe", "sbd_id": "sbd-1"}
    first, second = told(
        capsys, failed("procedure", why, **script), failed("activity", why, **activity)
    ).splitlines()
    assert first.endswith(f"execution failed on subarray 1: {why}")
    assert second == "Activity 3 (observe of sbd-1) failed"
    other = told(capsys, failed("procedure", why, **script), failed("activity", "no answer", **activity))
    assert other.endswith("Activity 3 (observe of sbd-1) failed: no answer\n")

"""``oet status --all`` and ``--watch``."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet_client.cli import watching

from ..support.fake_oet import CREATED_AT, Answer, FakeOET, procedure_json, status_json
from .conftest import Result

Run = Callable[..., Result]

HEADING = ["Subarray", "Ready", "Running", "Since", "By", "obsState"]
WHEN = ["2026-11-22", "05:15:31"]


def home(subarray: int) -> str:
    return f"/ska-oso-oet/oet/{subarray}/api/v1"


@pytest.fixture(autouse=True)
def open_url(oet: FakeOET, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OET_URL", f"{oet.root}/ska-oso-oet/oet/{{SUBARRAY_ID}}/api/v1")


def plan(oet: FakeOET, subarray: int, *alive: dict[str, Any], **changes: Any) -> None:
    body = status_json(subarray_id=subarray, alive=list(alive), **changes)
    path = "/status" if subarray == 1 else f"{home(subarray)}/status"
    oet.plan("GET", path, *[Answer(body=body)] * 3)


def test_each_subarray_is_one_line(oet: FakeOET, run: Run) -> None:
    mine = {"script_type": "filesystem", "script_uri": "file://mine.py"}
    told = {"obs_state": "SCANNING", "time": CREATED_AT, "procedure_id": 7}
    plan(oet, 1)
    plan(
        oet,
        2,
        procedure_json(8),
        procedure_json(7, "RUNNING", script=mine, created_by="alice"),
        obs_state=told,
    )
    plan(oet, 4, procedure_json(3, "INITIALISING", script=mine))
    plan(oet, 9, procedure_json(5, "RUNNING", aborts=4, script=mine))
    result = run("status", "--all")
    heading, _, *rows = [line.split() for line in result.out.splitlines()]
    assert heading == HEADING
    assert rows == [
        ["1", "yes", "nothing"],
        ["2", "yes", "7", "file://mine.py", *WHEN, "alice", "SCANNING"],
        ["4", "yes", "INITIALISING", "3", "file://mine.py", *WHEN],
        ["9", "yes", "5", "file://mine.py", *WHEN],
    ]
    assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize(
    ("failed", "told_at", "shown"),
    [
        (True, None, ["NOT", "ABORTED"]),
        (True, CREATED_AT - 1, ["SCANNING,", "NOT", "ABORTED"]),
        (True, CREATED_AT + 1, ["SCANNING"]),
        (False, CREATED_AT - 1, ["SCANNING"]),
    ],
)
def test_an_abort_that_failed_is_shown_until_more_is_known(
    oet: FakeOET, run: Run, failed: bool, told_at: float | None, shown: list[str]
) -> None:
    abort = {"procedure_id": 5, "time": CREATED_AT, "failed": failed, "detail": "no device"}
    told = None
    if told_at is not None:
        told = {"obs_state": "SCANNING", "time": told_at, "procedure_id": 4}
    plan(oet, 1, last_abort=abort, obs_state=told)
    assert run("status", "--all=1").out.splitlines()[2].split() == ["1", "yes", "nothing", *shown]
    one = run("status").out
    assert ("NOT ABORTED" in one) is ("ABORTED" in shown)
    if "ABORTED" in shown:
        assert "no device; to abort, when the reason is gone: oet abort" in one


@pytest.mark.parametrize("form", ["=1,2,4-5", "=4-5,2,1", "=1, 2,4,5", " 1,2,4-5"])
def test_a_list_names_those_that_are_to_be_shown(oet: FakeOET, run: Run, form: str) -> None:
    plan(oet, 1)
    plan(oet, 2, ready=False)
    result = run("status", *f"--all{form}".split(" ", 1 if form[0] == " " else 0), "--output=json")
    found = json.loads(result.out)
    assert [one["subarray_id"] for one in found] == [1, 2, 4, 5]
    assert [one["error"] for one in found[:2]] == [None, None]
    assert found[0]["status"]["ready"] is True
    assert all(one["status"] is None and one["error"] for one in found[2:])
    assert result.status == 3


@pytest.mark.parametrize("form", ["0", "17", "1,,2", "two", "3-1", "1-99999999", ""])
def test_other_lists_are_wrong_usage(oet: FakeOET, run: Run, form: str) -> None:
    result = run("status", f"--all={form}")
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert "needs numbers from 1 to 16, such as 1,2,5-8" in result.err
    assert not oet.requests


def test_an_address_of_one_subarray_is_none_of_all(oet: FakeOET, run: Run) -> None:
    result = run("status", "--all", f"--server-url={oet.url}")
    assert (result.status, result.out) == (2, "")
    assert "--all needs {SUBARRAY_ID} in the server URL" in result.err


def test_who_does_not_answer_holds_up_nobody_for_long(oet: FakeOET, run: Run) -> None:
    plan(oet, 1)
    hung = [oet.hold("GET", f"{home(subarray)}/status") for subarray in range(2, 17)]
    began = time.monotonic()
    result = run("status", "--all")
    assert time.monotonic() - began < 4
    for _, go_on in hung:
        go_on.set()
    rows = [line.split() for line in result.out.splitlines()[2:]]
    assert rows[0] == ["1", "yes", "nothing"]
    assert rows[1:] == [[str(n), "no", "unknown:", "no", "answer", "within", "2", "s"] for n in range(2, 17)]
    assert result.status == 5


def test_they_are_asked_side_by_side(oet: FakeOET, run: Run) -> None:
    plan(oet, 1)
    plan(oet, 2)
    first, second = oet.hold("GET", "/status"), oet.hold("GET", f"{home(2)}/status")
    for asked, go_on in ((first[0], second[1]), (second[0], first[1])):
        threading.Thread(target=lambda a=asked, g=go_on: a.wait(20) and g.set()).start()
    assert run("status", "--all=1,2").status == 0


def test_where_nobody_is_there_it_is_one_line(run: Run) -> None:
    result = run("status", "--all", "--server-url=http://127.0.0.1:1/oet/{SUBARRAY_ID}/api/v1")
    assert (result.status, result.out, result.err.count("\n")) == (5, "", 1)


def test_what_is_alive_and_where_the_subarray_was_seen_is_in_the_status(oet: FakeOET, run: Run) -> None:
    told = {"obs_state": "IDLE", "time": CREATED_AT, "procedure_id": 7}
    oet.plan(
        "GET",
        "/status",
        Answer(
            body=status_json(
                alive=[procedure_json(7, "READY"), procedure_json(8, "INITIALISING")], obs_state=told
            )
        ),
    )
    lines = run("status", "--subarray_id=1").out.splitlines()
    assert "obsState     IDLE, as procedure 7 told at 2026-11-22 05:15:31 UTC" in lines
    assert "Running      8, INITIALISING" in lines
    assert [line.split()[0] for line in lines[-2:]] == ["7", "8"]


@pytest.mark.parametrize("words", [["--all=1,2"], ["--subarray_id=1"], ["--subarray_id=1", "--output=json"]])
def test_a_watch_shows_changes_and_outlasts_an_outage(
    oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    looks = [0]

    def sleep(seconds: float) -> None:
        looks[0] += 1
        if looks[0] == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(watching.time, "sleep", sleep)
    plan(oet, 2)
    running = Answer(body=status_json(alive=[procedure_json(7, "RUNNING")]))
    gone = Answer.problem(403, "you need the permission 'read'")
    oet.plan("GET", "/status", Answer(body=status_json()), Answer(body=status_json()), gone, running)
    result = run("status", "--watch", *words)
    assert result.status == 130
    assert "\x1b" not in result.out
    blocks = result.out.strip().split("\n\n")
    told = [
        block for block in blocks if "permission" in block or "nothing" in block or '"alive": []' in block
    ]
    assert len(told) == 2
    assert "/scripts/7.py" in blocks[-1]

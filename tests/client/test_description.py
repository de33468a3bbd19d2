from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from ska_oso_oet_client.cli.description import describe_activity, describe_procedure
from ska_oso_oet_client.cli.times import Times
from ska_oso_oet_client.decoding import decode
from ska_oso_oet_client.model import Activity, Procedure

from ..support.fake_oet import activity_json, procedure_json

T = 1795324531.0


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def history(*states: str, stacktrace: str | None = None) -> dict[str, object]:
    times = [[state, T + n / 8] for n, state in enumerate(states)]
    return {"process_states": times, "stacktrace": stacktrace}


def sections(**changes: Any) -> list[str]:
    return describe_procedure(decode(Procedure, procedure_json(2, **changes)), Times()).split("\n\n")


INIT = {"args": ["goodbye"], "kwargs": {"subarray_id": 1}}
MAIN = {"args": ["bob"], "kwargs": {"simulate": False}}


def test_a_started_procedure_has_its_sections_and_how_long_it_runs() -> None:
    names, states, lasting, calls = sections(
        state="RUNNING",
        script_args={"init": INIT, "main": MAIN},
        history=history("CREATING", "INITIALISING", "READY", "RUNNING"),
    )
    assert [line.split() for line in names.splitlines()][0] == ["ID", "Script", "URI"]
    assert names.splitlines()[2].split()[1] == "file:///scripts/2.py"
    assert states.splitlines() == [
        "Time                        State",
        "--------------------------  --------------",
        "2026-11-22 05:15:31.000000  CREATING",
        "2026-11-22 05:15:31.125000  INITIALISING 1",
        "2026-11-22 05:15:31.250000  READY",
        "2026-11-22 05:15:31.375000  RUNNING 2",
    ]
    assert lasting.startswith("RUNNING for ")
    assert calls.splitlines() == [
        "  Index  Method    Arguments    Keyword Arguments",
        "-------  --------  -----------  -------------------",
        "      1  init      ['goodbye']  {'subarray_id': 1}",
        "      2  main      ['bob']      {'simulate': False}",
    ]


def test_without_init_main_is_the_first_call() -> None:
    text = "\n".join(sections(state="RUNNING", script_args={}, history=history("READY", "RUNNING")))
    assert "RUNNING 1" in text
    assert text.splitlines()[-1].split() == ["1", "main", "[]", "{}"]


def test_a_script_without_init_has_no_row_for_it_whatever_was_sent() -> None:
    states = history("CREATING", "IDLE", "LOADING", "IDLE", "READY", "RUNNING", "COMPLETE")
    _, times, calls = sections(script_args={"init": INIT, "main": MAIN}, history=states)
    assert [line.split()[:2] for line in calls.splitlines()[2:]] == [["1", "main"]]
    assert "RUNNING 1" in times


def test_before_init_is_called_its_arguments_are_those_that_were_sent() -> None:
    _, _, calls = sections(script_args={"init": INIT}, history=history("CREATING", "LOADING"))
    assert [line.split()[:2] for line in calls.splitlines()[2:]] == [["1", "init"]]


def test_long_arguments_are_shortened_one_by_one() -> None:
    long = {"sb_json": '{"a": "' + "x" * 5000 + '"}', "sbi_id": "sbi-1", "subarray_id": 1}
    context = {**long, "context": {"user": "y" * 90}}
    arguments = {"init": {"args": ["z" * 301], "kwargs": long}, "main": {"args": [], "kwargs": context}}
    states = history("INITIALISING", "READY", "RUNNING")
    *_, first, second = sections(script_args=arguments, history=states)[2].splitlines()
    assert first.split()[2] == "['" + "z" * 298 + "…]"
    assert "'sbi_id': 'sbi-1', 'subarray_id': 1}" in first
    assert second.rstrip().endswith("y" * 90 + "'}}")
    assert max(len(first), len(second)) < 1000


def test_before_any_call_there_is_no_table_of_calls() -> None:
    assert len(sections(script_args={}, history=history("CREATING"))) == 2


def test_a_git_script_shows_where_it_came_from() -> None:
    script = {
        "script_type": "git",
        "script_uri": "git://x.py",
        "git_args": {
            "git_repo": "https://g/x.git",
            "git_branch": "main",
            "git_commit": "12e4",
            "resolved_commit": "12e4567890",
        },
    }
    table = sections(script=script)[3]
    assert table.splitlines()[2].split() == ["https://g/x.git", "main", "12e4567890"]
    script["git_args"] |= {"git_branch": None, "resolved_branch": "trunk"}
    assert sections(script=script)[3].splitlines()[2].split() == ["https://g/x.git", "trunk", "12e4567890"]
    script["git_args"] = {"git_repo": "https://g/x.git", "git_commit": "12e4"}
    assert sections(script=script)[3].splitlines()[2].split() == ["https://g/x.git", "12e4"]


def test_a_failed_procedure_shows_outcome_and_stack_trace() -> None:
    outcome = {"reason": "killed", "exit_code": None, "signal": 9, "by": "ann", "detail": "a\nb"}
    *_, ending, trace = sections(
        state="FAILED",
        outcome=outcome,
        history=history("READY", stacktrace="Traceback:\n  x\nKeyError: 1\n"),
    )
    assert ending.splitlines()[0].split() == ["Outcome", "Exit", "code", "Signal", "By", "Detail"]
    assert ending.splitlines()[2].split() == ["killed", "9", "ann", "a", "b"]
    assert trace.splitlines() == ["Stack Trace:", "Traceback:", "  x", "KeyError: 1"]


STATES = [[state, T + n / 8] for n, state in enumerate(("REQUESTED", "PREPARED", "RUNNING", "COMPLETE"))]


def activity_sections(state: str, **changes: Any) -> list[str]:
    document = activity_json(1, state, activity_states=STATES, **changes)
    return describe_activity(decode(Activity, document), Times()).split("\n\n")


def test_an_activity_has_the_sections_of_the_guide() -> None:
    init = {"args": [1, "foo"], "kwargs": {"foo": "bar"}}
    names, place, states, lasting, calls = activity_sections("COMPLETE", script_args={"init": init})
    assert names.splitlines() == [
        "  ID  Activity    SB ID      Procedure ID  State",
        "----  ----------  -------  --------------  --------",
        "   1  observe     sbd-123               1  COMPLETE",
    ]
    assert lasting == "COMPLETE in 0.1 s"
    assert place.splitlines()[0].split() == ["URI", "Prepare", "Only", "SBI", "ID"]
    assert place.splitlines()[2].split() == [activity_json(1)["uri"], "False", "sbi-1"]
    assert states.splitlines() == [
        "Time                        State",
        "--------------------------  ---------",
        "2026-11-22 05:15:31.000000  REQUESTED",
        "2026-11-22 05:15:31.125000  PREPARED",
        "2026-11-22 05:15:31.250000  RUNNING",
        "2026-11-22 05:15:31.375000  COMPLETE",
    ]
    assert calls.splitlines() == [
        "Script Arguments",
        "----------------",
        "Method    Arguments    Keyword Arguments",
        "--------  -----------  -------------------",
        "init      [1, 'foo']   {'foo': 'bar'}",
    ]


def test_an_activity_that_gives_its_script_nothing_has_no_table_of_arguments() -> None:
    assert len(activity_sections("RUNNING")) == 4


@pytest.mark.parametrize(("state", "shown"), [("FAILED", True), ("STOPPED", True), ("COMPLETE", False)])
def test_an_activity_that_is_not_complete_shows_its_outcome(state: str, shown: bool) -> None:
    outcome = {"reason": "script_error", "exit_code": 1, "detail": "ValueError:\n no"}
    *_, last = activity_sections(state, outcome=outcome)
    assert (last.splitlines()[-1].split() == ["script_error", "1", "ValueError:", "no"]) is shown


def test_an_identifier_that_looks_like_a_number_stays_as_it_is() -> None:
    assert activity_sections("RUNNING", sbd_id="12e4")[0].splitlines()[2].split()[2] == "12e4"


def test_who_did_what_is_told_with_how_long_it_took() -> None:
    told = sections(
        state="STOPPED",
        history=history("CREATING", "RUNNING", "STOPPED"),
        created_by="alice",
        started_by="alice",
        stopped_by="bob",
    )
    assert "STOPPED after 0.1 s, created and started by alice, stopped by bob" in told

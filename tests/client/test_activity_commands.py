"""``oet activity``, without following."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..support.fake_oet import Answer, FakeOET, activity_json
from .conftest import Result

Run = Callable[..., Result]
RUN = ("activity", "run", "observe", "sbd-123", "--listen=False")
FOO = {"init": {"kwargs": {"foo": "bar"}}}
ROW = ["1", "observe", "sbd-123", "2026-11-22", "05:15:31", "1", "REQUESTED"]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def words_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_run_prints_the_activity_as_a_table(oet: FakeOET, run: Run) -> None:
    result = run(*RUN)
    told = "Activity 1 (observe of sbd-123) is REQUESTED on subarray 1\n"
    assert (result.status, result.err) == (0, told)
    assert result.out.splitlines() == [
        "  ID  Activity    SB ID    Creation Time          Procedure ID  State",
        "----  ----------  -------  -------------------  --------------  ---------",
        "   1  observe     sbd-123  2026-11-22 05:15:31               1  REQUESTED",
    ]


def test_run_sends_what_was_asked_for_and_no_more(oet: FakeOET, run: Run) -> None:
    run(*RUN, f"--script-args={json.dumps(FOO)}", "--prepare-only", "--create_env=True")
    run(*RUN)
    full, plain = (request.body for request in oet.asked("POST", "/activities"))
    assert full == {
        "activity_name": "observe",
        "sbd_id": "sbd-123",
        "prepare_only": True,
        "create_env": True,
        "script_args": FOO,
    }
    run(*RUN, "--create_env", "fresh")
    assert oet.asked("POST", "/activities")[-1].body["create_env"] == "fresh"
    assert plain == {**full, "prepare_only": False, "create_env": False, "script_args": {}}


def test_run_sends_the_version_of_the_block_that_was_asked_for(oet: FakeOET, run: Run) -> None:
    for words in (("--sbd-version=3",), ("--sbd_version", "3")):
        run(*RUN, *words)
        assert oet.asked("POST", "/activities")[-1].body["sbd_version"] == 3
    refused = run(*RUN, "--sbd-version=0")
    assert refused.status == 2
    assert "--sbd-version" in refused.err


@pytest.mark.parametrize(
    "words",
    [
        ("--activity-name=observe", "--sbd-id=sbd-123"),
        ("--sbd_id", "sbd-123", "--activity_name", "observe"),
        ("--sbd-id=sbd-123", "observe"),
    ],
)
def test_the_arguments_of_run_can_be_given_by_name(oet: FakeOET, run: Run, words: tuple[str, ...]) -> None:
    assert words_of(run("activity", "run", *words, "--no-listen").out)[2] == ROW


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{'init': {}}", "needs JSON in quotes"),
        ("init", "needs JSON in quotes"),
        ('{"init": {"kwargs": {"a": NaN}}}', "needs JSON in quotes"),
        ('{"init": {"kwargs": {"a": 1e999}}}', "needs JSON in quotes"),
        ("[" * 100_000, "needs JSON in quotes"),
        ("3", "must map init or main"),
        ("[]", "must map init or main"),
        ("null", "must map init or main"),
        ('{"foo": "bar"}', "must map init or main"),
        ('{"foo": {"kwargs": {}}}', "must map init or main"),
        ('{"init": {"foo": "bar"}}', "must map init or main"),
        ('{"init": {"kwargs": [1]}}', "must map init or main"),
        ('{"init": {"args": "abc"}}', "must map init or main"),
        ('{"init": {"args": {"a": 1}}}', "must map init or main"),
    ],
)
def test_script_arguments_of_another_form_are_refused_before_asking_the_server(
    oet: FakeOET, run: Run, value: str, message: str
) -> None:
    result = run(*RUN, f"--script-args={value}")
    assert (result.status, result.out) == (2, "")
    assert "--script-args" in result.err
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not oet.requests


@pytest.mark.parametrize("args", [{}, {"init": {}}, {"main": {"args": [1]}, "init": {"kwargs": {}}}])
def test_script_arguments_may_leave_anything_out(oet: FakeOET, run: Run, args: dict[str, Any]) -> None:
    assert run(*RUN, f"--script-args={json.dumps(args)}").status == 0
    assert oet.asked("POST")[0].body["script_args"] == args


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Missing argument 'ACTIVITY_NAME'"),
        (("observe",), "Missing argument 'SBD_ID'"),
        (("observe", "sbd-123", "bob"), "bob"),
        (("observe", "sbd-123", "--foo=bar"), "No such option --foo"),
        (("observe", "sbd-123", "--prepare-onyl"), "did you mean --prepare-only?"),
    ],
)
def test_wrong_usage_of_run_is_one_line(oet: FakeOET, run: Run, words: tuple[str, ...], message: str) -> None:
    result = run("activity", "run", *words)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not oet.requests


def test_list_shows_all_or_one(oet: FakeOET, run: Run) -> None:
    oet.add_activity(1, "COMPLETE")
    oet.add_activity(2)
    assert [row[0] for row in words_of(run("activity", "list").out)[2:]] == ["1", "2"]
    assert [row[0] for row in words_of(run("activity", "list", "--aid=2").out)[2:]] == ["2"]


def test_an_empty_list_says_what_to_do(oet: FakeOET, run: Run) -> None:
    result = run("activity", "list")
    assert result.status == 0
    assert words_of(result.out)[0][:2] == ["ID", "Activity"]
    assert "oet activity run" in result.err


def test_an_activity_that_never_had_a_procedure_has_an_empty_cell(oet: FakeOET, run: Run) -> None:
    never = activity_json(1, "FAILED", procedure_id=None)
    oet.plan("GET", "/activities", Answer(body=[never], odd=True))
    result = run("activity", "list")
    assert words_of(result.out)[2] == [*ROW[:5], "FAILED"]


def test_describe_takes_the_last_activity(oet: FakeOET, run: Run) -> None:
    oet.add_activity(1)
    oet.add_activity(2)
    assert words_of(run("activity", "describe").out)[2][0] == "2"
    assert words_of(run("activity", "describe", "--aid=1").out)[2][0] == "1"


def test_json_output_is_the_servers_json(oet: FakeOET, run: Run) -> None:
    document = oet.add_activity(1, brand_new_field=7)
    assert json.loads(run("activity", "list", "--output=json").out) == [document]
    assert json.loads(run("activity", "describe", "--output=json").out) == document
    assert json.loads(run(*RUN, "--output=json").out) == activity_json(2)
    stopped = json.loads(run("activity", "stop", "--no-run-abort", "--output=json").out)
    assert stopped["abort_procedure"] is None


def test_stop_without_aid_takes_the_running_one(oet: FakeOET, run: Run) -> None:
    oet.add_activity(1, "RUNNING")
    oet.add_activity(2, "PREPARED")
    oet.add(5, "COMPLETE")
    result = run("activity", "stop")
    assert result.status == 0
    assert result.out == "Successfully stopped script with ID 1 and aborted subarray activity\n"
    assert result.err.splitlines()[:3] == [
        "Activity 1 (observe of sbd-123) is meant, which is RUNNING on subarray 1",
        "Activity 1 is stopped on subarray 1",
        "Aborting subarray 1 (procedure 5) ...",
    ]
    (request,) = oet.asked("PUT", "/activities/1")
    assert request.body == {"state": "STOPPED", "abort": True}


def test_stop_takes_the_newest_that_is_being_prepared_when_none_is_running(oet: FakeOET, run: Run) -> None:
    oet.add_activity(1, "PREPARED")
    oet.add_activity(2, "REQUESTED")
    oet.add_activity(3, "COMPLETE")
    assert run("activity", "stop", "--run_abort=False").status == 0
    assert oet.asked("PUT")[0].path == "/activities/2"
    assert oet.asked("PUT")[0].body == {"state": "STOPPED", "abort": False}


def test_stop_does_not_take_what_waits_to_be_started_and_names_it(oet: FakeOET, run: Run) -> None:
    oet.add_activity(1, "PREPARED")
    result = run("activity", "stop")
    assert result.status == 3
    assert result.err == (
        "Error: No activity is running on subarray 1. Activity 1 (observe of sbd-123) waits to be started; "
        "to stop it: oet activity stop --aid=1. To stop a script that was started without an activity: oet "
        "procedure stop\n"
    )
    assert not oet.asked("PUT")


@pytest.mark.parametrize("command", ["describe", "stop", "list", "show", "ls"])
def test_the_id_may_be_given_by_position(oet: FakeOET, run: Run, command: str) -> None:
    for aid in (1, 2, 3):
        oet.add_activity(aid)
        oet.add(5, "COMPLETE")
    result = run("activity", command, "2")
    assert (result.status, "is meant" in result.err) == (0, False)
    assert {request.path for request in oet.requests} & {"/activities/1", "/activities/3"} == set()
    assert [r for r in oet.requests if r.path == "/activities/2"]


def test_stop_with_nothing_going_on_says_what_to_do(oet: FakeOET, run: Run) -> None:
    oet.add_activity(1, "COMPLETE")
    result = run("activity", "stop")
    assert result.status == 3
    assert "oet procedure stop" in result.err
    assert not oet.asked("PUT")


def test_a_stop_whose_abort_fails_is_loud_and_no_success(oet: FakeOET, run: Run) -> None:
    oet.add_activity(1, "RUNNING")
    oet.add(5, "FAILED")
    result = run("activity", "stop", "--aid=1")
    assert result.status == 1
    assert "THE SUBARRAY WAS NOT ABORTED: procedure 5 is FAILED" in result.err


def test_without_any_activity_there_is_a_sentence_on_what_to_do(oet: FakeOET, run: Run) -> None:
    result = run("activity", "describe")
    assert result.status == 3
    assert result.err == "Error: There is no activity yet; run one with: oet activity run\n"


@pytest.mark.parametrize("listen", [True, False])
@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (Answer.problem(404, "There is no scheduling block sbd-123"), 3, "sbd-123"),
        (Answer.problem(422, "sbd-123 has no activity observe"), 3, "no activity observe"),
        (Answer.problem(409, "Another activity is RUNNING"), 3, "RUNNING"),
        (Answer.problem(403, "Needs oet.run"), 4, "Needs oet.run"),
        (Answer(200, {"what": 1}, odd=True), 5, "does not answer like an OET"),
    ],
)
def test_a_refused_run_is_one_line_and_an_exit_status(
    oet: FakeOET, run: Run, answer: Answer, status: int, message: str, listen: bool
) -> None:
    oet.plan_stream(b": hello\n\n", oet.closing)
    oet.plan("POST", "/activities", answer)
    result = run("activity", "run", "observe", "sbd-123", f"--listen={listen}")
    assert (result.status, result.out) == (status, "")
    assert message in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("words", [("describe", "--aid=7"), ("list", "--aid=7"), ("stop", "--aid=7")])
def test_an_unknown_activity_is_refused(oet: FakeOET, run: Run, words: tuple[str, ...]) -> None:
    result = run("activity", *words)
    assert result.status == 3
    assert result.err == (
        "Error: There is no activity 7 (subarray 1); to see which there are: oet activity list --all\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("activity", "run", "observe", "sbd-123"),
        ("activity", "list"),
        ("activity", "describe"),
        ("activity", "stop"),
        ("wait_for_qa_ready", "enable"),
    ],
)
def test_no_server_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.setenv("OET_URL", "http://127.0.0.1:1/x")
    result = run(*words)
    assert (result.status, result.out) == (5, "")
    assert result.err.count("\n") == 1

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ska_oso_oet_client import OETClient, SurvivorProcess

from ..support.fake_oet import BASE, Answer, FakeOET, chunk_json, procedure_json, status_json
from .conftest import Result

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def words_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_create_prints_the_new_row_third(oet: FakeOET, run: Run) -> None:
    result = run("procedure", "create", "file://test.py", "some arg")
    assert result.status == 0
    assert result.err == "Procedure 1 (file://test.py) is CREATING on subarray 1\n"
    assert words_of(result.out)[0] == ["ID", "Script", "Creation", "time", "State"]
    assert words_of(result.out)[2] == ["1", "file://test.py", "2026-11-22", "05:15:31", "CREATING"]


def test_create_sends_arguments_and_subarray_to_init(oet: FakeOET, run: Run) -> None:
    run("procedure", "create", "file://x.py", "bob", "3", "--simulate=false", "--", "4")
    (request,) = oet.asked("POST")
    assert request.body == {
        "script": {"script_type": "filesystem", "script_uri": "file://x.py"},
        "script_args": {
            "init": {
                "args": ["bob", 3, "4"],
                "kwargs": {"subarray_id": 1, "simulate": False},
            }
        },
    }


def test_create_from_git_sends_what_was_chosen_only(oet: FakeOET, run: Run) -> None:
    result = run(
        "procedure",
        "create",
        "git://x.py",
        "--git_repo=https://g/x.git",
        "--git-branch=test",
        "--git_commit=None",
        "--create_env=True",
    )
    assert result.status == 0
    assert oet.asked("POST")[0].body["script"] == {
        "script_type": "git",
        "script_uri": "git://x.py",
        "create_env": True,
        "git_args": {"git_repo": "https://g/x.git", "git_branch": "test"},
    }


@pytest.mark.parametrize("words", [["--create_env=fresh"], ["--create-env", "Fresh"]])
def test_create_may_ask_for_a_fresh_environment(oet: FakeOET, run: Run, words: list[str]) -> None:
    assert run("procedure", "create", "git://x.py", *words, "fresh").status == 0
    body = oet.asked("POST")[0].body
    assert body["script"] == {"script_type": "git", "script_uri": "git://x.py", "create_env": "fresh"}
    assert body["script_args"]["init"]["args"] == ["fresh"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["file://x.py", "--git_branch=b"], "--git_branch is for git:// scripts only"),
        (["file://x.py", "--create_env"], "--create_env is for git:// scripts only"),
        (["file://x.py", "--create_env=fresh"], "--create_env is for git:// scripts only"),
        (["/tmp/x.py"], "must start with file:// or git://"),
        (["http://x.py"], "must start with file:// or git://"),
        (["git://x.py", "--git_brnch=b"], "did you mean --git_branch?"),
        (["git://x.py", "--kwargs=3"], "needs a JSON object"),
        (["git://x.py", "--create_env=perhaps"], "perhaps"),
        ([], "Missing argument 'SCRIPT_URI'"),
    ],
)
def test_create_refuses_before_asking_the_server(
    oet: FakeOET, run: Run, words: list[str], message: str
) -> None:
    result = run("procedure", "create", *words)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert result.out == ""
    assert not oet.requests


def test_script_arguments_may_have_the_names_of_options(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    run("procedure", "start", "--listen=False", '--kwargs={"pid": 3, "self": 4}', "--name=x")
    assert oet.asked("PUT")[0].body["script_args"]["main"]["kwargs"] == {
        "name": "x",
        "pid": 3,
        "self": 4,
    }


def test_list_shows_all_or_one(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    oet.add(2, "RUNNING")
    rows = [row[0] for row in words_of(run("procedure", "list").out)[2:]]
    assert rows == ["1", "2"]
    assert [row[0] for row in words_of(run("procedure", "list", "--pid=2").out)[2:]] == ["2"]


def _page(*places: tuple[int, int, int]) -> Answer:
    """Procedures of the central history, by position, subarray and id."""
    return Answer(
        body=[procedure_json(pid, position=position, subarray=subarray) for position, subarray, pid in places]
    )


def test_a_list_of_all_subarrays_says_which(oet: FakeOET, run: Run) -> None:
    oet.plan("GET", "/procedures", _page((3, 2, 1), (7, 1, 1)), Answer(body=[]))
    heading, _, *rows = words_of(run("procedure", "list", "--all-subarrays").out)
    assert heading == ["ID", "Script", "Creation", "time", "State", "Subarray"]
    assert [(row[0], row[-1]) for row in rows] == [("1", "2"), ("1", "1")]
    first, second = oet.asked("GET", "/procedures")
    assert first.query == {"all_subarrays": "true", "limit": "50"}
    assert second.query == {"all_subarrays": "true", "limit": "48", "before": "3"}


def test_a_list_of_all_subarrays_is_as_long_as_wanted(oet: FakeOET, run: Run) -> None:
    oet.plan("GET", "/procedures", _page((8, 1, 2), (9, 2, 2)), _page((7, 1, 1)))
    shown = run("procedure", "list", "--all_subarrays=True", "--limit=3", "--output=json").out
    assert [found["position"] for found in json.loads(shown)] == [7, 8, 9]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--all-subarrays", "--pid=1"], "--pid is the ID of one subarray"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    oet: FakeOET, run: Run, words: list[str], message: str
) -> None:
    result = run("procedure", "list", *words)
    assert result.status == 2
    assert message in result.err
    assert oet.asked("GET") == []


def test_without_a_central_history_the_servers_sentence_is_shown(oet: FakeOET, run: Run) -> None:
    oet.plan("GET", "/procedures", Answer.problem(422, "this OET keeps no central history"))
    result = run("procedure", "list", "--all-subarrays")
    assert result.status == 3
    assert "this OET keeps no central history" in result.err


def test_an_empty_list_says_what_to_do(oet: FakeOET, run: Run) -> None:
    result = run("procedure", "list")
    assert result.status == 0
    assert "oet procedure create" in result.err


def test_json_output_is_the_servers_json(oet: FakeOET, run: Run) -> None:
    document = oet.add(1, brand_new_field=7)
    assert json.loads(run("procedure", "list", "--output=json").out) == [document]
    assert json.loads(run("--output", "json", "procedure", "describe").out) == document
    started = json.loads(run("procedure", "--output=json", "start", "--no-listen").out)
    assert started["state"] == "RUNNING"


@pytest.mark.parametrize("position", [0, 1, 2, 3])
@pytest.mark.parametrize("form", [["--server-url={}"], ["--server_url", "{}"]])
def test_the_server_can_be_named_at_every_position(
    oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch, position: int, form: list[str]
) -> None:
    monkeypatch.setenv("OET_URL", "http://127.0.0.1:1/nowhere")
    oet.add(1)
    words = ["procedure", "list", "--pid=1"]
    words[position:position] = [part.format(oet.url) for part in form]
    assert run(*words).status == 0


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_subarray_can_be_named_at_every_position(
    oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    monkeypatch.setenv("OET_URL", f"{oet.root}/ska-oso-oet/oet/{{SUBARRAY_ID}}/api/v1")
    words = ["procedure", "list"]
    words[position:position] = ["--subarray_id=1"]
    assert run(*words).status == 0


def test_the_last_position_wins(oet: FakeOET, run: Run) -> None:
    result = run("--server-url=http://127.0.0.1:1", "procedure", "list", "--server-url", oet.url)
    assert result.status == 0


def test_another_subarray_than_the_urls_is_wrong_usage(oet: FakeOET, run: Run) -> None:
    result = run("procedure", "list", "--subarray_id=2")
    assert result.status == 2
    assert "names subarray 1" in result.err
    assert not oet.requests


def test_start_without_pid_takes_the_last_created(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    oet.add(2)
    result = run("procedure", "start", "bob", "--simulate=false", "--listen=False")
    assert words_of(result.out)[2][0] == "2"
    (request,) = oet.asked("PUT", "/procedures/2")
    assert request.body == {
        "state": "RUNNING",
        "script_args": {"main": {"args": ["bob"], "kwargs": {"simulate": False}}},
    }


def test_start_lets_a_script_that_is_being_prepared_get_ready(oet: FakeOET, run: Run) -> None:
    for state in ("CREATING", "IDLE", "LOADING"):
        oet.plan("GET", "/procedures/1", Answer(body=procedure_json(1, state)))
    oet.add(1)
    assert run("procedure", "start", "--pid=1", "--listen=False").status == 0
    assert len(oet.asked("GET", "/procedures/1")) == 4
    assert len(oet.asked("PUT", "/procedures/1")) == 1


def test_start_leaves_a_script_that_does_not_get_ready_to_the_server(
    oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ska_oso_oet_client.cli.procedure.start.SHORT_WAIT", 0.0)
    monkeypatch.setattr("ska_oso_oet_client.cli.procedure.start.LONG_WAIT", 0.0)
    oet.add(1, "INITIALISING")
    oet.plan("PUT", "/procedures/1", Answer.problem(409, "Cannot start procedure 1"))
    result = run("procedure", "start", "--pid=1", "--listen=False")
    assert result.status == 3
    assert result.err.splitlines() == [
        "Procedure 1 is being prepared (INITIALISING); waiting until it is READY",
        "Error: Cannot start procedure 1 (subarray 1)",
    ]


@pytest.mark.parametrize("command", ["start", "describe", "logs", "wait"])
def test_without_any_procedure_there_is_a_sentence_on_what_to_do(
    oet: FakeOET, run: Run, command: str
) -> None:
    result = run("procedure", command)
    assert result.status == 3
    assert result.err == ("Error: There is no procedure yet; load a script with: oet procedure create\n")


ABORTED = {
    "reason": "completed",
    "exit_code": 0,
    "signal": None,
    "by": None,
    "detail": "subarray 1 was SCANNING and is ABORTED",
    "stages": [],
}
NO_TELESCOPE = {**ABORTED, "reason": "script_error", "detail": "no telescope"}


def test_stop_without_pid_takes_the_running_one(oet: FakeOET, run: Run) -> None:
    oet.add(1, "RUNNING")
    oet.add(2)
    oet.add(5, "COMPLETE", outcome=ABORTED)
    result = run("procedure", "stop")
    assert result.status == 0
    assert result.out == "Successfully stopped script with ID 1 and aborted subarray activity\n"
    assert result.err.splitlines() == [
        "Procedure 1 (file:///scripts/1.py) is meant, which is RUNNING on subarray 1",
        "Procedure 1 is stopped on subarray 1",
        "Aborting subarray 1 (procedure 5) ...",
        "Subarray 1 was SCANNING and is ABORTED",
    ]
    assert oet.asked("PUT")[0].body == {"state": "STOPPED", "abort": True}


def test_a_stop_whose_answer_is_lost_says_that_it_may_have_happened(oet: FakeOET, run: Run) -> None:
    oet.add(3, state="RUNNING")
    oet.plan("PUT", "/procedures/3", *[Answer(drop=True)] * 9)
    result = run("procedure", "stop")
    assert result.status == 5
    assert "Procedure 3 may have been stopped, or will be. To see it: oet procedure describe" in result.err
    assert "does not answer" in result.err
    assert "set OET_URL" not in result.err


def test_a_stop_whose_abort_fails_is_loud_and_no_success(oet: FakeOET, run: Run) -> None:
    oet.add(1, "RUNNING")
    oet.add(5, "FAILED", outcome=NO_TELESCOPE)
    result = run("procedure", "stop")
    assert result.status == 1
    assert result.out == "Successfully stopped script with ID 1\n"
    assert result.err.splitlines()[3:] == [
        "THE SUBARRAY WAS NOT ABORTED: procedure 5 is FAILED: no telescope",
        "It may still move and record. To abort it, when the reason is gone: oet abort",
    ]


def test_an_abort_that_cannot_begin_is_loud_and_no_success(oet: FakeOET, run: Run) -> None:
    message = "Successfully stopped script with ID 1, but the subarray was NOT aborted: full"
    outcome = {**ABORTED, "reason": "not_started", "exit_code": None, "detail": "full"}
    abort = {"procedure": None, "state": "FAILED", "outcome": outcome}
    body = {"abort_message": message, "abort_procedure": None, "survivors": 0, "survivor_processes": []}
    oet.plan("PUT", "/procedures/1", Answer(body={**body, "abort": abort}))
    result = run("procedure", "stop", "--pid=1")
    assert (result.status, result.out) == (1, "Successfully stopped script with ID 1\n")
    assert "\nTHE SUBARRAY WAS NOT ABORTED: full\n" in result.err


@pytest.mark.parametrize("state, outcome", [("COMPLETE", ABORTED), ("FAILED", NO_TELESCOPE)])
def test_the_json_of_a_stop_tells_how_the_abort_has_ended(
    oet: FakeOET, run: Run, state: str, outcome: dict[str, Any]
) -> None:
    oet.add(1, "RUNNING")
    oet.add(5, state, outcome=outcome)
    said = json.loads(run("procedure", "stop", "--output=json").out)
    assert said["abort"] == {"procedure": 5, "state": state, "outcome": outcome}
    assert said["abort_message"] == "Successfully stopped script with ID 1" + (
        " and aborted subarray activity"
        if state == "COMPLETE"
        else ", but the subarray was NOT aborted: no telescope"
    )


def test_an_abort_that_says_nothing_is_complete(oet: FakeOET, run: Run) -> None:
    oet.add(1, "RUNNING")
    oet.add(5, "COMPLETE", outcome={**ABORTED, "detail": None})
    assert "The abort of subarray 1 is complete" in run("procedure", "stop").err


def test_an_abort_is_stopped_only_where_it_is_named(oet: FakeOET, run: Run) -> None:
    oet.add(1, "STOPPED")
    oet.add(5, "RUNNING", aborts=1)
    result = run("procedure", "stop")
    assert (result.status, oet.asked("PUT")) == (3, [])
    assert result.err.endswith("oet procedure stop --pid=5\n")
    run("procedure", "stop", "--pid=5", "--run_abort=False")
    assert oet.asked("PUT")[0].body == {"state": "STOPPED", "abort": False, "stop_abort": True}


def test_after_a_stop_describe_shows_what_was_stopped(oet: FakeOET, run: Run) -> None:
    oet.add(1, "STOPPED")
    oet.add(5, "COMPLETE", aborts=1)
    assert words_of(run("procedure", "describe").out)[2][0] == "1"


@pytest.mark.parametrize("words, body", [((), {"restart": False}), (("--restart",), {"restart": True})])
def test_abort_aborts_and_tells_where_the_subarray_is(
    oet: FakeOET, run: Run, words: tuple[str, ...], body: dict[str, Any]
) -> None:
    oet.add(5, "COMPLETE", outcome=ABORTED)
    oet.plan("POST", "/abort", Answer.created(oet.procedures[5]))
    result = run("abort", *words)
    assert (result.status, result.out) == (0, "")
    assert result.err == ("Aborting subarray 1 (procedure 5) ...\nSubarray 1 was SCANNING and is ABORTED\n")
    assert oet.asked("POST", "/abort")[0].body == body


def test_an_abort_by_hand_that_fails_is_loud_and_no_success(oet: FakeOET, run: Run) -> None:
    oet.add(5, "FAILED", outcome=NO_TELESCOPE)
    oet.plan("POST", "/abort", Answer.created(oet.procedures[5]))
    result = run("abort", "--output=json")
    assert (result.status, json.loads(result.out)) == (1, oet.procedures[5])
    assert "THE SUBARRAY WAS NOT ABORTED: procedure 5 is FAILED: no telescope" in result.err


@pytest.mark.parametrize("spelling", ["--run_abort=False", "--no-run-abort", "--run-abort=no"])
def test_stop_can_leave_the_subarray_alone(oet: FakeOET, run: Run, spelling: str) -> None:
    oet.add(1)
    result = run("procedure", "stop", "--pid=1", spelling)
    assert oet.asked("PUT")[0].body == {"state": "STOPPED", "abort": False, "stop_abort": True}
    assert result.err == "Procedure 1 is stopped on subarray 1\n"


def test_stop_with_nothing_running_says_what_to_do(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    result = run("procedure", "stop")
    assert result.status == 3
    assert result.err == (
        "Error: Nothing is running on subarray 1. Procedure 1 (file:///scripts/1.py) waits to be started; to "
        "stop it: oet procedure stop --pid=1\n"
    )
    assert not oet.asked("PUT")


HUNG = [
    {"pid": 4711, "command": "sleep 1000", "state": "D (disk sleep)"},
    {"pid": 4712, "command": "cat \x1b[2J/mnt/x", "state": "T (stopped)"},
]


@pytest.mark.parametrize("words", [("procedure", "stop"), ("activity", "stop")])
@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("abort", [5, None])
def test_processes_that_cannot_be_ended_are_named_in_capitals_and_no_success(
    oet: FakeOET, run: Run, words: tuple[str, str], form: str, abort: int | None
) -> None:
    oet.add(1, "RUNNING")
    oet.add(5, "COMPLETE")
    oet.add_activity(1, "RUNNING")
    body = {"abort_message": "Stopped", "abort_procedure": abort, "survivors": 2, "survivor_processes": HUNG}
    for path in ("/procedures/1", "/activities/1"):
        oet.plan("PUT", path, Answer(body=body))
    result = run(*words, "1", f"--output={form}", f"--run_abort={abort is not None}")
    assert result.status == 1
    where, *lines = result.err.splitlines()
    assert where == f"{words[0].capitalize()} 1 is stopped on subarray 1"
    assert lines[:2] == [
        "NOT EVERYTHING HAS ENDED: process 4711 (sleep 1000) is in kernel state D (disk sleep) and "
        "outlives even SIGKILL",
        "NOT EVERYTHING HAS ENDED: process 4712 (cat /mnt/x) is in kernel state T (stopped) and "
        "outlives even SIGKILL",
    ]
    assert "have that repaired" in lines[2]
    assert len(lines[3:]) == (2 if abort else 0)


def test_processes_without_a_name_are_counted(oet: FakeOET, run: Run) -> None:
    oet.add(1, "RUNNING")
    body = {"abort_message": "Stopped", "abort_procedure": None, "survivors": 2}
    oet.plan("PUT", "/procedures/1", Answer(body=body, odd=True))
    result = run("procedure", "stop", "--run_abort=False")
    assert "NOT EVERYTHING HAS ENDED: processes of the script that are still alive: 2" in result.err
    assert result.status == 1


def test_the_python_client_lists_them(oet: FakeOET) -> None:
    body = {"abort_message": "Stopped", "abort_procedure": None, "survivors": 2, "survivor_processes": HUNG}
    oet.plan("PUT", "/procedures/1", Answer(body=body), Answer(body={"abort_message": "Stopped"}, odd=True))
    with OETClient(oet.url) as client:
        first, second = client.stop_procedure(1), client.stop_procedure(1)
    assert [process.pid for process in first.survivor_processes] == [4711, 4712]
    assert first.survivor_processes[0] == SurvivorProcess(
        pid=4711, command="sleep 1000", state="D (disk sleep)"
    )
    assert (second.survivors, second.survivor_processes) == (0, ())


def test_logs_shows_every_page_as_it_was_printed(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    pieces = ["a", "b\n", "[... 9 bytes dropped ...]\n", "é\n", "end"]
    streams = ["stdout", "stdout", "oet", "stderr", "stdout"]
    for n, (text, stream) in enumerate(zip(pieces, streams, strict=True), 1):
        oet.output[1].append({"n": n, "time": 1.0, "stream": stream, "text": text})
    assert run("procedure", "logs").out == "".join(pieces)
    assert run("procedure", "logs", "--stream=stderr").out == "é\n"
    assert run("procedure", "logs", "--tail=1").out == "end"
    lines = run("procedure", "logs", "--output=json").out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == pieces
    assert run("procedure", "logs", "--stream=stdin").status == 2


def test_logs_shows_the_time_before_each_line_if_asked(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    pieces = ["one\ntwo, ", "part two\n50 %\r", "100 %\n", "no end"]
    for n, text in enumerate(pieces, 1):
        oet.output[1].append({"n": n, "time": 1795324531.5 + n, "stream": "stdout", "text": text})
    assert run("procedure", "logs", "--timestamps").out == (
        "2026-11-22T05:15:32.500Z one\n2026-11-22T05:15:32.500Z two, part two\n"
        "2026-11-22T05:15:33.500Z 50 %\r100 %\n2026-11-22T05:15:35.500Z no end"
    )


@pytest.mark.parametrize("spelling", ["-s2", "-s=2", "-s 2", "--subarray_id=2"])
def test_the_options_typed_most_have_a_letter(oet: FakeOET, run: Run, spelling: str) -> None:
    said = run("procedure", "list", *spelling.split(), "-o", "json")
    assert "contradicts the server URL" in said.err


def test_an_unknown_letter_is_refused(run: Run) -> None:
    assert run("procedure", "list", "-x").err.endswith(
        "No such option -x; put -- before text that begins with -\n"
    )


def test_the_colours_of_a_script_are_left_as_they_are(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    oet.output[1] = [chunk_json(1, "\x1b[31mred\x1b[0m\n")]
    assert run("procedure", "logs").out == "\x1b[31mred\x1b[0m\n"


@pytest.mark.parametrize(("state", "status"), [("COMPLETE", 0), ("FAILED", 1), ("STOPPED", 1)])
def test_wait_tells_how_the_script_ended(oet: FakeOET, run: Run, state: str, status: int) -> None:
    oet.add(1, "RUNNING")
    oet.plan("GET", "/procedures/1", Answer(body={**oet.procedures[1], "state": state}))
    result = run("procedure", "wait")
    assert result.status == status
    assert state in result.out


def test_wait_has_a_time_limit(oet: FakeOET, run: Run) -> None:
    oet.add(1, "RUNNING")
    result = run("procedure", "wait", "--pid=1", "--timeout=0")
    assert result.status == 3
    assert result.err == (
        "Error: Procedure 1 is still RUNNING after 0 s and goes on; "
        "to see it: oet procedure describe --pid=1\n"
    )


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (
            Answer.problem(404, "No information available for PID=7"),
            3,
            "There is no procedure 7 (subarray 1); to see which there are: oet procedure list --all\n",
        ),
        (Answer.problem(409, "Cannot start procedure 3"), 3, "Cannot start procedure 3"),
        (
            Answer.problem(422, "Invalid", errors=[{"loc": ["body", "script"], "msg": "missing"}]),
            3,
            "Invalid; body.script: missing",
        ),
        (Answer.problem(401, "No token"), 4, "run `oet login`"),
        (Answer.problem(403, "Needs oet.stop"), 4, "Needs oet.stop"),
        (Answer(403, b"no"), 4, "Not permitted"),
        (Answer(502, b"<html>", {"Content-Type": "text/html"}), 5, "HTTP 502"),
        (Answer(404, b"<html>", {"Content-Type": "text/html"}), 5, "does not answer like an OET"),
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), 5, "text/html instead of JSON"),
        (Answer(200, {"what": 1}, odd=True), 5, "does not answer like an OET"),
        (Answer(302, {}, {"Location": "/x"}, odd=True), 5, "HTTP 302"),
    ],
)
def test_a_failure_is_one_line_and_an_exit_status(
    oet: FakeOET, run: Run, answer: Answer, status: int, message: str
) -> None:
    oet.add(7)
    oet.plan("PUT", "/procedures/7", answer)
    result = run("procedure", "start", "--pid=7", "--listen=False")
    assert result.status == status
    assert message in result.err
    assert result.err.startswith("Error: ")
    assert result.err.count("\n") == 1
    assert result.out == ""


def test_no_server_is_one_line_that_says_how_to_name_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OET_URL", "http://127.0.0.1:1/x")
    result = run("procedure", "list")
    assert result.status == 5
    assert result.err.count("\n") == 1
    assert "http://127.0.0.1:1/x (connection refused)" in result.err
    assert "OET_URL" in result.err


def test_verbose_shows_requests_and_the_place_of_an_error(
    oet: FakeOET, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        result = run("procedure", "list", "--pid=9", "--verbose")
    assert "Traceback" in result.err
    assert f"GET {oet.root}{BASE}/procedures/9: 404" in caplog.text


def test_status_of_a_ready_server(oet: FakeOET, run: Run) -> None:
    body = status_json(
        workers={"SESWorker": "ok"},
        running=oet.add(4, "RUNNING"),
        disk_free=3 * 1024**3,
        stores={"journal": "ok", "central_history": "away: no answer"},
    )
    oet.plan("GET", "/status", Answer(body=body), Answer(body={**body, "ready": False}))
    result = run("status")
    assert result.status == 0
    shown = words_of(result.out)
    assert ["SESWorker", "ok"] in shown
    assert ["Ready", "yes"] in shown
    assert ["Disk", "free", "3.0", "GiB"] in shown
    assert ["Journal", "ok"] in shown
    assert ["Central", "history", "away:", "no", "answer"] in shown
    assert shown[-1][:2] == ["4", "file:///scripts/4.py"]
    assert run("status").status == 3


def test_status_does_not_say_that_nothing_runs_where_nobody_knows(oet: FakeOET, run: Run) -> None:
    body = status_json(workers={"SESWorker": "away: it does not answer"}, running=None)
    oet.plan("GET", "/status", Answer(body=body))
    assert ["Running", "unknown"] in words_of(run("status").out)


@pytest.mark.parametrize(
    "words",
    [[], ["--help"], ["procedure"], ["procedure", "create", "file://x", "--x", "--help"], ["-h"]],
)
def test_help_is_not_an_error(run: Run, words: list[str]) -> None:
    result = run(*words)
    assert result.status == 0
    assert result.out.startswith("Usage: oet")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_set_up_for_each_shell(run: Run, shell: str) -> None:
    assert "_OET_COMPLETE" in run("completion", shell).out


def test_completion_knows_sub_commands_and_options(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_OET_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "oet --subarray_id 2 procedure st")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert run().out.split() == ["plain,start", "plain,stop"]
    monkeypatch.setenv("COMP_WORDS", f"oet procedure create file://x{os.sep} --git")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert run().out.split() == ["plain,--git_repo", "plain,--git_branch", "plain,--git_commit"]

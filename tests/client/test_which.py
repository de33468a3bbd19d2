"""Which procedure or activity a command means, with an ID and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..support.fake_oet import FakeOET
from .conftest import Result

Run = Callable[..., Result]

INIT = "INITIALISING"


def uri(name: str) -> dict[str, str]:
    return {"script_type": "filesystem", "script_uri": f"file://{name}"}


@pytest.mark.parametrize("command", ["describe", "stop", "logs", "wait", "list", "show", "ls", "ps"])
@pytest.mark.parametrize("words", [["2"], ["--pid=2"], ["--pid", "2"], ["--", "2"]])
def test_the_id_may_be_given_by_position(oet: FakeOET, run: Run, command: str, words: list[str]) -> None:
    oet.add(1, "COMPLETE")
    oet.add(2, "COMPLETE")
    oet.add(3, "RUNNING")
    oet.add(5, "COMPLETE")
    result = run("procedure", command, *words)
    assert (result.status, "is meant" in result.err) == (0, False)
    asked = {request.path for request in oet.requests}
    assert not asked & {"/procedures", "/procedures/1", "/procedures/3"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["2", "3"], "unexpected extra argument (3)"),
        (["2", "--pid=3"], "2 is one word too many: --pid names the ID already"),
        (["two"], "'two' is not a valid integer"),
        (["-2"], "-2"),
        (["2.5"], "'2.5' is not a valid integer"),
        ([""], "'' is not a valid integer"),
    ],
)
@pytest.mark.parametrize("command", ["describe", "stop", "logs", "wait", "list"])
def test_what_is_no_single_id_is_wrong_usage(
    oet: FakeOET, run: Run, command: str, words: list[str], message: str
) -> None:
    result = run("procedure", command, *words)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err
    assert not oet.requests


def test_the_usage_shows_that_the_id_may_be_given_by_position(run: Run) -> None:
    assert "[OPTIONS] [ID]" in run("procedure", "stop", "--help").out
    assert "[ID]" not in run("procedure", "start", "--help").out.splitlines()[0]


@pytest.mark.parametrize("command", ["describe", "logs", "start"])
def test_without_an_id_the_last_one_created_is_meant_and_named(oet: FakeOET, run: Run, command: str) -> None:
    oet.add(1, "RUNNING")
    oet.add(2, script=uri("mine.py"))
    result = run("procedure", command, *(["--listen=False"] if command == "start" else []))
    assert result.status == 0
    assert result.err.splitlines()[0] == (
        "Procedure 2 (file://mine.py) is meant, the last one created; "
        "procedure 1 (file:///scripts/1.py) is RUNNING"
    )


@pytest.mark.parametrize("command", ["describe", "logs", "wait"])
def test_the_abort_after_a_stop_is_not_the_last_one(oet: FakeOET, run: Run, command: str) -> None:
    oet.add(1, "STOPPED", script=uri("mine.py"))
    oet.add(2, "COMPLETE", aborts=1, script=uri("/packaged/abort.py"))
    told = run("procedure", command).err
    assert told == "Procedure 1 (file://mine.py) is meant, the last one created\n"


def test_an_abort_by_hand_is_the_last_one_as_any_other(oet: FakeOET, run: Run) -> None:
    oet.add(1, "STOPPED")
    oet.add(2, "COMPLETE", script=uri("abort.py"))
    assert run("procedure", "describe").err.startswith("Procedure 2 (file://abort.py) is meant")


def test_nobody_waits_for_what_waits_to_be_started_while_another_one_runs(oet: FakeOET, run: Run) -> None:
    oet.add(1, "RUNNING")
    oet.add(2)
    result = run("procedure", "wait")
    assert result == Result(
        3,
        "",
        "Error: Procedure 2 (file:///scripts/2.py) waits to be started; to wait for the end of procedure 1: "
        "oet procedure wait --pid=1\n",
    )


@pytest.mark.parametrize(
    ("states", "meant"),
    [
        (["RUNNING", INIT, "READY"], 1),
        (["READY", INIT, "LOADING"], 2),
        (["READY", "LOADING", "PREP_ENV"], 2),
        (["PREP_ENV", "IDLE", "CREATING"], 1),
        (["CREATING", "READY", "FAILED"], 1),
        ([INIT, INIT, "READY"], 2),
    ],
)
def test_a_stop_means_what_commands_the_telescope_or_is_about_to(
    oet: FakeOET, run: Run, states: list[str], meant: int
) -> None:
    for pid, state in enumerate(states, 1):
        oet.add(pid, state)
    result = run("procedure", "stop", "--run_abort=False")
    assert [request.path for request in oet.asked("PUT")] == [f"/procedures/{meant}"]
    assert result.err.splitlines()[0] == (
        f"Procedure {meant} (file:///scripts/{meant}.py) is meant, which is {states[meant - 1]} on subarray 1"
    )


@pytest.mark.parametrize(
    "abort",
    [{"aborts": 1, "script": uri("/my/end.py")}, {"script": uri("abort.py")}],
    ids=["made", "by hand"],
)
def test_a_stop_never_means_an_abort_unless_it_is_named(
    oet: FakeOET, run: Run, abort: dict[str, object]
) -> None:
    oet.add(1, "STOPPED")
    oet.add(2, "RUNNING", **abort)
    result = run("procedure", "stop")
    assert (result.status, result.out, oet.asked("PUT")) == (3, "", [])
    assert "Nothing is running on subarray 1 but an abort, procedure 2 (" in result.err
    assert result.err.endswith("only by its ID: oet procedure stop --pid=2\n")
    run("procedure", "stop", "2", "--no-run-abort")
    assert len(oet.asked("PUT", "/procedures/2")) == 1


def test_a_stop_beside_an_abort_means_the_other_one(oet: FakeOET, run: Run) -> None:
    oet.add(1, INIT)
    oet.add(2, "RUNNING", aborts=7)
    run("procedure", "stop", "--no-run-abort")
    assert [request.path for request in oet.asked("PUT")] == ["/procedures/1"]


@pytest.mark.parametrize("states", [[], ["COMPLETE", "FAILED"]])
def test_a_stop_of_nothing_is_one_sentence(oet: FakeOET, run: Run, states: list[str]) -> None:
    for pid, state in enumerate(states, 1):
        oet.add(pid, state)
    assert run("procedure", "stop") == Result(
        3,
        "",
        "Error: Nothing is running on subarray 1; to abort what it is doing all the same: oet abort\n",
    )


@pytest.mark.parametrize("word", ["1", "2"])
@pytest.mark.parametrize("more", [[], ["bob"], ["--scans=3"], ["--listen=False"]])
def test_an_id_is_no_argument_of_a_start_by_accident(
    oet: FakeOET, run: Run, word: str, more: list[str]
) -> None:
    oet.add(1)
    oet.add(2, script=uri("mine.py"))
    result = run("procedure", "start", word, *more)
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"Error: {word} is the ID of a procedure, and words are arguments of main here. To start procedure "
        f"{word}: oet procedure start --pid={word}. To give it to procedure 2 (file://mine.py): oet "
        f"procedure start -- {word}, or as a number: oet procedure start --pid=2 {word}\n"
    )
    assert not oet.asked("PUT")


@pytest.mark.parametrize("word", ["3", "40", "44"])
def test_nor_is_that_of_a_procedure_that_is_no_longer_listed(oet: FakeOET, run: Run, word: str) -> None:
    for pid in range(35, 45):
        oet.add(pid)
    result = run("procedure", "start", word)
    assert (result.status, oet.asked("PUT")) == (2, [])
    assert f"oet procedure start --pid={word}." in result.err


@pytest.mark.parametrize(
    ("words", "args"),
    [
        (["--", "1"], ["1"]),
        (["--pid=2", "1"], [1]),
        (["3"], [3]),
        (["1.0"], [1.0]),
        (["bob", "1"], ["bob", 1]),
        (["'1'"], ["1"]),
    ],
)
def test_an_argument_that_can_be_no_id_here_is_one(
    oet: FakeOET, run: Run, words: list[str], args: list[object]
) -> None:
    oet.add(1)
    oet.add(2)
    assert run("procedure", "start", "--listen=False", *words).status == 0
    assert oet.asked("PUT", "/procedures/2")[0].body["script_args"]["main"]["args"] == args


def test_what_had_to_end_for_a_new_one_is_told(oet: FakeOET, run: Run) -> None:
    oet.next_changes = {"evicts": 4}
    told = run("procedure", "create", "file://x.py").err
    assert told.splitlines()[1] == "Procedure 4, which was READY, is ended: the list was full"


@pytest.mark.parametrize(
    "words", [("procedure", "run", "file://x.py"), ("activity", "run", "observe", "sbd-123")]
)
def test_what_runs_tells_so_as_well_and_the_start_of_it_does_not_again(
    oet: FakeOET, run: Run, words: tuple[str, ...]
) -> None:
    oet.next_changes, oet.first_state = {"evicts": 4}, "READY"
    oet.add(1, evicts=4)
    told = "Procedure 4, which was READY, is ended: the list was full"
    assert run(*words, "--listen=False").err.count(told) == 1
    assert told not in run("procedure", "start", "--pid=1", "--listen=False").err

"""A stop is never swallowed, and never cuts a clean-up short."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..conftest import Events, Server, serving, until


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_STOP_GRACE="5 s") as server:
        yield server


def stopped(server: Server, script: str, *args: str) -> tuple[str, float, list[str]]:
    """What a script that was stopped in its place has printed, how long that took, and the stages."""
    events = Events(server)
    pid = server.run(script, *args)
    events.wait(lambda e: e.get("msg") == "here" and e["msg_src"] == str(pid))
    if script == "patches.py":
        assert server.request("PUT", "/operator/wait_for_qa_ready", json={"action": "enable"}).ok
        until(lambda: "MainThread" in server.output(pid))
    assert server.stop_script(pid)["survivors"] == 0
    events.close()
    found = server.procedure(pid)
    assert found["state"] == "STOPPED"
    stages = dict(found["outcome"]["stages"])
    return server.output(pid, stream="stdout"), stages["verified"] - stages["intent"], list(stages)


@pytest.mark.parametrize(
    "way, output, most",
    [
        ("lost", "cleaned up\n", 1.5),
        ("caught", "caught stop\ncleaned up\n", 1.5),
        ("kept", "cleaned up\n", 1.5),
        ("handles_another", "made safe\ngoes on\n", 1.5),
        ("handles_another_for_ever", "cleaned up\n", 3.5),
        ("cleans_up_slowly", "cleaned up\n", 2.5),
        (
            "runs_coroutines",
            "part cleaned up\npart cleaned up\nwhole cleaned up\nstopped stop\n",
            2.0,
        ),
        ("coroutine_that_blocks", "cleaned up\nstopped stop\n", 1.5),
        ("coroutine_that_swallows", "swallowed\ncleaned up\n", 2.0),
        ("loop_for_ever", "cleaned up\nstopped stop\n", 1.5),
        ("asynchronous_generator", "cleaning up\ncleaned up\n", 2.5),
        ("group_in_loop_for_ever", "part cleaned up\n" * 3, 2.0),
        ("waits_in_greenlets", "cleaned up\n", 1.5),
        ("cleans_up_in_a_greenlet", "part cleaned up\ncleaned up\n", 1.5),
        ("joined_thread", "thread cleaned up\n", 1.5),
    ],
)
def test_a_stop_reaches_what_catches_loses_or_delays_it(
    patient: Server, way: str, output: str, most: float
) -> None:
    told, seconds, stages = stopped(patient, "stubborn.py", way)
    assert (told, "kill" in stages) == (output, False)
    assert seconds < most + 1  # the machine may be slow; the grace period is 5 s


def test_the_engine_uses_nothing_that_a_script_can_replace(patient: Server) -> None:
    told, _, stages = stopped(patient, "patches.py")
    assert told == "['MainThread']\ncleaned up\nlast\n"
    assert "kill" not in stages


def test_no_thread_of_the_engine_is_among_those_of_the_script(server: Server) -> None:
    pid = server.run("stubborn.py", "joins_all_threads")
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid) == "joined\n"


def test_a_second_stop_cuts_no_exit_function_short(patient: Server) -> None:
    events = Events(patient)
    pid = patient.run("stubborn.py", "exit_function")
    events.wait(lambda e: e.get("msg") == "here" and e["msg_src"] == str(pid))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(patient.stop_script, pid)
        events.wait(lambda e: e.get("msg") == "cleaning up" and e["msg_src"] == str(pid))
        second = pool.submit(patient.stop_script, pid)
        assert [answer.result()["survivors"] for answer in (first, second)] == [0, 0]
    events.close()
    assert patient.output(pid) == "cleaned up\n"


def test_a_stop_while_python_itself_ends_loses_nothing(patient: Server) -> None:
    pid = patient.run("stubborn.py", "slow_destructor")
    rows = patient.state / "runs" / str(pid) / "work" / "rows"
    until(Path(f"{rows}.begun").exists)
    assert patient.put(pid, state="STOPPED").status_code == 409
    found = patient.ended(pid)
    assert (found["state"], found["outcome"]["detail"]) == ("COMPLETE", None)
    assert rows.read_text() == "row"


def test_a_helper_of_a_script_is_terminated_as_it_is_without_an_oet(patient: Server) -> None:
    pid = patient.run("stubborn.py", "terminates_children")
    assert patient.ended(pid)["state"] == "COMPLETE"
    assert patient.output(pid) == "-15\n"


def test_a_child_is_terminated_however_young_it_is(patient: Server) -> None:
    pid = patient.run("stubborn.py", "terminates_newborns")
    patient.ended(pid)
    assert patient.output(pid) == "0\n"


def test_nothing_is_printed_twice_because_of_a_stop(patient: Server) -> None:
    events = Events(patient)
    for _ in range(5):
        pid = patient.run("stubborn.py", "prints_without_end")
        events.wait(lambda e, pid=pid: e.get("msg") == "here" and e["msg_src"] == str(pid))
        patient.stop_script(pid)
        lines = patient.output(pid).split()
        assert lines == [str(n + 1) for n in range(len(lines))]
    events.close()


def test_stop_is_worth_saying_twice(patient: Server) -> None:
    events = Events(patient)
    pid = patient.run("stubborn.py", "swallows_until_told_twice")
    events.wait(lambda e: e.get("msg") == "here" and e["msg_src"] == str(pid))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(patient.stop_script, pid)
        events.wait(lambda e: e.get("msg") == "not yet" and e["msg_src"] == str(pid))
        second = pool.submit(patient.stop_script, pid)
        assert [answer.result()["survivors"] for answer in (first, second)] == [0, 0]
    events.close()
    assert patient.output(pid) == "told twice\n"

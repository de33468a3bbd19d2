"""Pauses, progress, questions and results of real scripts, whatever is killed meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ..conftest import SCRIPTS, Events, Server, serving, until
from ..support.repositories import Repository

CALLS = SCRIPTS / "paced.py"


@pytest.fixture
def calls(tmp_path: Path) -> str:
    """A script whose main calls one function of ``paced.py``."""
    path = tmp_path / "calls.py"
    path.write_text(
        f"exec(open({str(CALLS)!r}).read())\n\n"
        "del init\n\n\ndef main(name, context=None, **kwargs):\n    return main_of(name, **kwargs)\n"
    )
    return str(path)


@pytest.fixture
def events(server: Server) -> Iterator[Events]:
    found = Events(server)
    yield found
    found.close()


def pause(server: Server, pid: int, wanted: bool = True, **more: Any) -> dict[str, Any]:
    answer = server.request("PUT", f"/procedures/{pid}/pause", json={"wanted": wanted, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(server: Server, pid: int, path: str = "pause", **body: Any) -> tuple[int, str]:
    answer = server.request("PUT", f"/procedures/{pid}/{path}", json=body)
    return answer.status_code, answer.json().get("detail", "")


def about(topic: str, pid: int) -> Any:
    return lambda event: event.get("topic") == topic and event.get("pid") == pid


# -- pauses ------------------------------------------------------------------------------------------


def test_a_script_pauses_at_its_next_checkpoint_and_goes_on_behind_it(
    server: Server, events: Events, tmp_path: Path
) -> None:
    gate, quiet = tmp_path / "gate", tmp_path / "quiet"
    pid = server.run("paced.py", gate=str(gate), quiet=str(quiet))
    until(lambda: "scan 1" in server.output(pid))
    asked = pause(server, pid, note="cloud")
    assert (asked["state"], asked["note"]) == ("requested", "cloud")
    (tmp_path / "gate1").touch()
    paused = events.wait(about("procedure.pause.paused", pid))["pause"]
    assert (paused["checkpoint"], paused["n"], paused["of"]) == ("scan", 2, 3)
    assert quiet.exists()
    found = server.procedure(pid)
    assert (found["state"], found["pause"]) == ("RUNNING", paused)
    assert found["progress"]["done"] == 1
    assert server.get(f"/procedures/{pid}/pause") == paused
    assert pause(server, pid)["state"] == "paused"  # twice is once
    assert pause(server, pid, wanted=False)["state"] == "none"
    assert pause(server, pid, wanted=False)["state"] == "none"
    (tmp_path / "gate2").touch()
    (tmp_path / "gate3").touch()
    ended = server.ended(pid)
    assert not quiet.exists()
    assert (ended["state"], ended["outcome"]["result"]) == ("COMPLETE", {"scans": 3})
    assert server.output(pid, stream="stdout") == "scan 1\nscan 2\nscan 3\n"
    assert events.topics("procedure.pause") == [
        f"procedure.pause.{what}" for what in ("requested", "paused", "resumed")
    ]


def test_a_pause_may_wait_for_a_checkpoint_with_a_name(
    server: Server, events: Events, tmp_path: Path
) -> None:
    pid = server.run("paced.py", gate=str(tmp_path / "gate"))
    until(lambda: "scan 1" in server.output(pid))
    pause(server, pid, at="calibration.*")
    for scan in (1, 2, 3):
        (tmp_path / f"gate{scan}").touch()
    missed = events.wait(about("procedure.pause.missed", pid))["pause"]
    assert (missed["state"], missed["at"]) == ("missed", "calibration.*")
    ended = server.ended(pid)
    assert (ended["state"], ended["pause"]["state"]) == ("COMPLETE", "missed")  # and no failure


def test_a_checkpoint_can_be_chosen_by_its_number(server: Server, events: Events, tmp_path: Path) -> None:
    pid = server.run("paced.py", gate=str(tmp_path / "gate"))
    pause(server, pid, at="scan 3.*")
    for scan in (1, 2):
        (tmp_path / f"gate{scan}").touch()
    assert events.wait(about("procedure.pause.paused", pid))["pause"]["n"] == 3
    server.stop_script(pid)


def test_a_pause_can_be_withdrawn_before_it_begins(server: Server, events: Events, tmp_path: Path) -> None:
    pid = server.run("paced.py", gate=str(tmp_path / "gate"))
    pause(server, pid, at="never")
    assert pause(server, pid, wanted=False)["state"] == "none"
    events.wait(about("procedure.pause.withdrawn", pid))
    for scan in (1, 2, 3):
        (tmp_path / f"gate{scan}").touch()
    assert server.ended(pid)["pause"]["state"] == "none"


def test_only_a_running_script_can_be_paused(server: Server, tmp_path: Path) -> None:
    pid = server.create("paced.py")
    server.wait_state(pid, "READY")
    assert refused(server, pid, wanted=True) == (
        409,
        f"Cannot pause procedure {pid}: it is READY, not RUNNING",
    )
    server.stop_script(pid)
    assert refused(server, pid, wanted=False)[0] == 409
    assert refused(server, 999_999, wanted=True)[0] == 404
    status, detail = refused(server, pid, wanted=True, at="(")
    assert (status, "regular expression" in detail or detail) == (422, True)
    assert refused(server, pid, wanted=False, note="why")[0] == 422


def test_a_script_without_checkpoints_is_told_as_such_and_is_not_paused(server: Server, calls: str) -> None:
    pid = server.run(calls, "protected", entered="/dev/null", left="/nowhere", at_most=0.1)
    assert "no checkpoint" in pause(server, pid, note="cloud")["note"]
    server.stop_script(pid)
    assert server.procedure(pid)["pause"]["state"] == "none"


def test_a_checkpoint_in_init_or_in_a_thread_warns_and_goes_on(server: Server, calls: str) -> None:
    pid = server.run("paced.py", scans=0)
    assert server.ended(pid)["state"] == "COMPLETE"
    assert "'in init' is passed" in server.output(pid, stream="stderr")
    pid = server.run(calls, "in_a_thread")
    assert server.ended(pid)["state"] == "COMPLETE"
    assert "'in a thread' is passed" in server.output(pid, stream="stderr")


def test_two_clients_who_pause_and_resume_leave_one_truth(server: Server, tmp_path: Path) -> None:
    pid = server.run("paced.py", gate=str(tmp_path / "gate"))
    with ThreadPoolExecutor(2) as pool:
        wishes = [pool.submit(pause, server, pid, wanted) for wanted in [True, False] * 20]
        states = {wish.result()["state"] for wish in wishes}
    assert states <= {"none", "requested"}
    assert pause(server, pid, wanted=False)["state"] == "none"
    for scan in (1, 2, 3):
        (tmp_path / f"gate{scan}").touch()
    assert server.ended(pid)["pause"]["state"] == "none"


def test_a_stop_ends_a_paused_script_at_once(server: Server, events: Events, tmp_path: Path) -> None:
    pid = server.run("paced.py", gate=str(tmp_path / "gate"))
    pause(server, pid)
    (tmp_path / "gate1").touch()
    events.wait(about("procedure.pause.paused", pid))
    server.stop_script(pid)
    ended = server.procedure(pid)
    assert (ended["state"], ended["pause"]["state"]) == ("STOPPED", "none")
    assert "kill" not in [stage for stage, _ in ended["outcome"]["stages"]]


def test_a_pause_is_not_counted_as_time_of_main(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_MAIN_TIMEOUT="3 s", OET_PAUSE_REMINDER="1 s") as server:
        events = Events(server)
        pid = server.run("paced.py", gate=str(tmp_path / "gate"))
        pause(server, pid)
        (tmp_path / "gate1").touch()
        began = events.wait(about("procedure.pause.paused", pid))["pause"]["since"]
        events.wait(about("procedure.pause.reminder", pid))
        reminders = [1.0, 3.0]  # each after three times as long
        until(lambda: events.topics("procedure.pause.reminder") == ["procedure.pause.reminder"] * 2)
        assert time.time() - began >= sum(reminders) - 0.1  # longer than the limit of main
        pause(server, pid, wanted=False)
        server.ended(pid)
        events.close()
        found = server.procedure(pid)
        assert found["outcome"]["reason"] == "timeout"  # the gate stays shut: what was left is counted
        assert time.time() - began > 4.0


@pytest.mark.parametrize("role", ["ses", "bus", "rest", "activity"])
def test_a_pause_outlives_every_worker(new_server: Server, tmp_path: Path, role: str) -> None:
    server = new_server
    pid = server.run("paced.py", gate=str(tmp_path / "gate"))
    until(lambda: "scan 1" in server.output(pid))
    pause(server, pid, note="cloud")
    server.kill(role)
    server.ready()
    (tmp_path / "gate1").touch()
    until(lambda: server.procedure(pid)["pause"]["state"] == "paused")
    before = server.procedure(pid)
    server.kill(role)
    server.ready()
    assert server.procedure(pid)["pause"] == before["pause"]
    assert server.procedure(pid)["progress"] == before["progress"]
    assert server.procedure(pid)["checkpoints"] == before["checkpoints"]
    pause(server, pid, wanted=False)
    for scan in (2, 3):
        (tmp_path / f"gate{scan}").touch()
    assert server.ended(pid)["state"] == "COMPLETE"


IN_ITS_OWN = """
import sys
from ska_oso_oet.telescope.pace import ask, checkpoint, progress

def main():
    answer = ask("ready?")
    checkpoint("scan", n=1, of=1)
    progress(1, 1)
    return [sys.prefix, answer]
"""


def test_a_script_with_an_environment_of_its_own_pauses_and_asks_as_well(
    server: Server, tmp_path: Path
) -> None:
    project = '[project]\nname = "observing"\nversion = "1"\ndependencies = []\n'
    repository = Repository(tmp_path / "repository")
    repository.commit({"a.py": IN_ITS_OWN, "pyproject.toml": project})
    pid = server.create_from_git("a.py", repository.url, create_env=True)
    server.wait_state(pid, "READY", timeout=90)
    server.start_main(pid)
    until(lambda: server.procedure(pid)["question"] is not None)
    pause(server, pid)
    answer = server.request("PUT", f"/procedures/{pid}/question", json={"answer": "yes"})
    assert answer.status_code == 200, answer.text
    until(lambda: server.procedure(pid)["pause"]["state"] == "paused")
    pause(server, pid, wanted=False)
    ended = server.ended(pid)
    prefix, said = ended["outcome"]["result"]
    assert (Path(prefix).parent.name, said, ended["progress"]["done"]) == ("environments", "yes", 1)


# -- progress ----------------------------------------------------------------------------------------


def test_progress_checkpoints_and_times_are_in_the_document(server: Server, tmp_path: Path) -> None:
    pid = server.create("paced.py", estimated=100)
    server.wait_state(pid, "READY")
    server.start_main(pid, scans=4, gate=str(tmp_path / "gate"))
    until(lambda: server.procedure(pid)["remaining"]["source"] == "script")
    assert 90 < server.procedure(pid)["remaining"]["seconds"] <= 100
    (tmp_path / "gate1").touch()
    until(lambda: server.procedure(pid)["progress"] is not None)
    found = server.procedure(pid)
    told = {name: found["progress"][name] for name in ("done", "of", "unit", "text")}
    assert told == {"done": 1, "of": 4, "unit": "scans", "text": "target 1"}
    assert found["remaining"]["source"] == "progress"
    assert 0 < found["elapsed"] < 30
    for scan in (2, 3, 4):
        (tmp_path / f"gate{scan}").touch()
    ended = server.ended(pid)
    assert (ended["progress"]["done"], ended["remaining"]) == (4, None)
    assert ended["elapsed"] == ended["ended"] - ended["started"]
    (place,) = ended["checkpoints"]
    assert (place["name"], place["n"], place["of"], place["passes"]) == ("scan", 4, 4, 4)


def test_progress_without_end_is_a_message_a_second(server: Server, events: Events, calls: str) -> None:
    pid = server.run(calls, "floods")
    ended = server.ended(pid)
    assert (ended["state"], ended["progress"]["done"], ended["slowed"]) == ("COMPLETE", 20_000, None)
    told = [event for event in events.all if about("user.script.progress", pid)(event)]
    assert len(told) <= ended["elapsed"] + 2
    assert told[-1]["progress"]["done"] == 20_000


def test_odd_numbers_are_warned_of_and_told_to_nobody(server: Server, calls: str) -> None:
    pid = server.run(calls, "odd")
    ended = server.ended(pid)
    assert (ended["state"], ended["estimate"]) == ("COMPLETE", None)
    assert {**ended["progress"], "time": 0} == {"done": 1, "of": 0, "unit": "scans", "text": "", "time": 0}
    warned = server.output(pid, stream="stderr")
    assert warned.count("the estimate is not told") == 6
    assert warned.count("progress is not told") == 2


# -- sections that are not to be interrupted ----------------------------------------------------------


def test_a_stop_waits_for_a_critical_section(server: Server, calls: str, tmp_path: Path) -> None:
    entered, left = tmp_path / "entered", tmp_path / "left"
    pid = server.run(calls, "protected", entered=str(entered), left=str(left), at_most=20)
    until(entered.exists)
    with _stopping(server, pid) as answered:
        assert refused(server, pid, wanted=True) == (
            409,
            f"Cannot pause procedure {pid}: its script is being stopped, or has ended",
        )
        left.touch()
        assert answered(30)["survivors"] == 0
    assert server.output(pid) == "switched\ncleaned up\n"


def test_a_critical_section_delays_a_stop_no_longer_than_it_says(
    server: Server, calls: str, tmp_path: Path
) -> None:
    entered = tmp_path / "entered"
    pid = server.run(calls, "protected", entered=str(entered), left="/nowhere", at_most=1)
    until(entered.exists)
    server.stop_script(pid)
    assert server.output(pid) == "cleaned up\n"
    assert "kill" not in [stage for stage, _ in server.procedure(pid)["outcome"]["stages"]]


def test_a_forced_stop_interrupts_a_critical_section(server: Server, calls: str, tmp_path: Path) -> None:
    entered = tmp_path / "entered"
    pid = server.run(calls, "protected", entered=str(entered), left="/nowhere", at_most=25)
    until(entered.exists)
    answer = server.put(pid, state="STOPPED", abort=False, force=True)
    assert answer.status_code == 200, answer.text
    found = server.procedure(pid)
    stages = dict(found["outcome"]["stages"])
    assert stages["verified"] - stages["intent"] < 10
    assert server.output(pid) == "cleaned up\n"


def test_the_server_limits_critical_sections(calls: str, tmp_path: Path) -> None:
    entered = tmp_path / "entered"
    with serving(tmp_path / "state", OET_CRITICAL_LIMIT="1 s") as server:
        pid = server.run(calls, "protected", entered=str(entered), left="/nowhere", at_most=1000)
        until(entered.exists)
        server.stop_script(pid)
        stages = dict(server.procedure(pid)["outcome"]["stages"])
        assert stages["verified"] - stages["intent"] < 4


# -- questions ---------------------------------------------------------------------------------------


def test_a_question_is_answered_once(server: Server, events: Events, calls: str) -> None:
    pid = server.run(calls, "asks", choices=["yes", "no"])
    asked = events.wait(about("procedure.question.asked", pid))["question"]
    assert (asked["text"], asked["choices"], asked["expires"]) == (
        "Is the wind acceptable?",
        ["yes", "no"],
        None,
    )
    assert server.get(f"/procedures/{pid}/question") == asked
    assert refused(server, pid, "question", answer="perhaps")[0] == 422
    assert refused(server, pid, "question", answer="yes", n=7)[0] == 409
    answer = server.request("PUT", f"/procedures/{pid}/question", json={"answer": "yes", "n": asked["n"]})
    assert (answer.status_code, answer.json()["answer"]) == (200, "yes")
    assert server.ended(pid)["question"]["state"] == "answered"
    assert server.output(pid) == "yes\n"
    assert refused(server, pid, "question", answer="no")[0] == 409


def test_a_default_answers_in_time(server: Server, calls: str) -> None:
    pid = server.run(calls, "asks", choices=["yes", "no"], timeout=0.2, default="no")
    ended = server.ended(pid)
    assert (ended["question"]["state"], ended["question"]["answer"]) == ("default", "no")
    assert server.output(pid) == "no\n"


def test_a_question_without_default_fails_in_time(server: Server, calls: str) -> None:
    pid = server.run(calls, "asks", timeout=0.2)
    ended = server.ended(pid)
    assert ended["outcome"]["detail"].startswith("TimeoutError: nobody has answered within 0.2 s")


def test_a_question_outlives_the_script_execution_service(new_server: Server, calls: str) -> None:
    pid = new_server.run(calls, "asks")
    until(lambda: new_server.procedure(pid)["question"] is not None)
    new_server.kill("ses")
    new_server.ready()
    answer = new_server.request("PUT", f"/procedures/{pid}/question", json={"answer": "any text"})
    assert answer.status_code == 200, answer.text
    assert new_server.ended(pid)["question"]["answer"] == "any text"
    assert new_server.output(pid) == "any text\n"


# -- results -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "result", "told"),
    [
        ("[1, 2.5, None, 'text', {'a': True}]", [1, 2.5, None, "text", {"a": True}], ""),
        ("(1, 2)", [1, 2], ""),
        ("None", None, ""),
        ("'x' * 70_000", None, "more than 64 KiB"),
        ("float('nan')", None, "JSON cannot carry it"),
        ("object()", None, "JSON cannot carry it"),
        ("(lambda a: (a.append(a), a)[1])([])", None, "JSON cannot carry it"),
    ],
)
def test_the_result_of_main_is_kept(
    server: Server, tmp_path: Path, expression: str, result: Any, told: str
) -> None:
    path = tmp_path / "returns.py"
    path.write_text(f"def main():\n    return {expression}\n")
    pid = server.run(str(path))
    ended = server.ended(pid)
    assert (ended["state"], ended["outcome"]["result"]) == ("COMPLETE", result)
    assert told in server.output(pid, stream="stderr")


@contextlib.contextmanager
def _stopping(server: Server, pid: int) -> Iterator[Any]:
    """A stop that is being answered while the block runs, and has reached the script."""
    events = Events(server, procedure=pid, topics="procedure.lifecycle.stopping")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.stop_script, pid)
        events.wait(lambda event: event.get("stage") == "terminate")
        yield answer.result
    events.close()

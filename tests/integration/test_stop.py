"""Stopped means stopped: whatever a script does, after the answer to a stop nothing of it exists."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from ..conftest import Events, Server, serving, until


@pytest.fixture
def events(server: Server) -> Iterator[Events]:
    found = Events(server)
    yield found
    found.close()


def in_position(server: Server, events: Events, way: str, *args: Any) -> tuple[int, dict[str, Any]]:
    """Start a diehard script and wait until it is where it wants to stay."""
    pid = server.run("diehard.py", way, *args)
    here = events.wait(lambda e: e.get("msg") == "here" and e["msg_src"] == str(pid))
    return pid, here


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


OBEDIENT = (
    "sleeping",
    "busy",
    "blocked_in_recv",
    "blocked_in_subprocess",
    "grandchild",
)
STUBBORN = ("ignores_sigterm", "swallows_everything", "forker", "non_daemon_threads")


@pytest.mark.parametrize("way", (*OBEDIENT, *STUBBORN))
def test_a_script_that_does_not_want_to_die_is_gone_when_the_stop_answers(
    server: Server, events: Events, way: str
) -> None:
    pid, here = in_position(server, events, way)
    family = [here["pid"], here.get("child") or here["pid"]]
    answer = server.stop_script(pid)
    assert [p for p in family if alive(p)] == []
    assert marked(server, pid) == []
    assert answer["survivors"] == 0
    found = server.procedure(pid)
    assert found["state"] == "STOPPED"
    assert found["outcome"]["reason"] == "stopped"
    stages = [name for name, _ in found["outcome"]["stages"]]
    assert stages[:2] == ["intent", "terminate"]
    assert stages[-1] == "verified"
    assert ("kill" in stages) == (way in (*STUBBORN, "blocked_in_subprocess", "grandchild"))


def marked(server: Server, pid: int) -> list[int]:
    """The processes with the mark of this run."""
    import json

    from ska_oso_oet.kernel import processes

    spec = json.loads((server.state / "runs" / str(pid) / "spec.json").read_text())
    return processes.marked(spec["mark"])


def test_a_finally_runs_to_its_end_when_it_needs_less_than_the_grace_period(
    server: Server, events: Events
) -> None:
    pid, _ = in_position(server, events, "cleans_up", 1)
    server.stop_script(pid)
    assert server.output(pid) == "cleaned up\n"
    assert "kill" not in [name for name, _ in server.procedure(pid)["outcome"]["stages"]]


def test_a_finally_that_outlasts_the_grace_period_is_cut_short(server: Server, events: Events) -> None:
    pid, _ = in_position(server, events, "cleans_up", 3600)
    server.stop_script(pid)
    assert server.output(pid) == ""
    assert server.procedure(pid)["outcome"]["signal"] == signal.SIGKILL


@pytest.mark.parametrize("script, state", [("hung_init.py", "INITIALISING"), ("hung_import.py", "LOADING")])
def test_a_procedure_that_is_still_being_prepared_can_be_stopped(
    server: Server, script: str, state: str
) -> None:
    pid = server.create(script)
    server.wait_state(pid, state)
    assert server.stop_script(pid)["survivors"] == 0
    assert server.procedure(pid)["state"] == "STOPPED"
    assert marked(server, pid) == []


def test_a_procedure_can_be_stopped_in_the_moment_it_is_created(server: Server) -> None:
    for _ in range(20):
        pid = server.create("trivial.py")
        assert server.stop_script(pid)["survivors"] == 0
        assert server.procedure(pid)["state"] == "STOPPED"


def test_a_ready_procedure_can_be_stopped(server: Server) -> None:
    pid = server.create("trivial.py")
    os_pid = server.wait_state(pid, "READY")["pid"]
    server.stop_script(pid)
    assert not alive(os_pid)
    assert server.procedure(pid)["state"] == "STOPPED"


def test_two_stops_at_once_are_both_answered_as_done(server: Server, events: Events) -> None:
    pid, _ = in_position(server, events, "sleeping")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: server.put(pid, state="STOPPED"), range(2)))
    assert sorted({a.status_code for a in answers}) in ([200], [200, 409])
    assert server.procedure(pid)["state"] == "STOPPED"
    finals = [e for e in events.all if e["topic"] == "procedure.lifecycle.stopped"]
    assert len([e for e in finals if e["result"]["id"] == pid]) == 1


def test_the_script_learns_why_it_is_being_stopped(server: Server, events: Events) -> None:
    pid, _ = in_position(server, events, "sleeping")
    server.stop_script(pid)
    assert (server.state / "runs" / str(pid) / "intent").read_text() == "stop"


def test_a_stop_while_a_supervisor_does_not_answer_still_ends_everything(
    server: Server, events: Events
) -> None:
    pid, here = in_position(server, events, "grandchild")
    supervisor = psutil.Process(psutil.Process(here["pid"]).ppid())
    supervisor.suspend()
    answer = server.stop_script(pid)
    assert answer["survivors"] == 0
    assert not alive(here["pid"])
    assert not alive(here["child"])
    assert server.procedure(pid)["state"] == "STOPPED"


@pytest.mark.parametrize("rounds", [15, pytest.param(100, marks=pytest.mark.long)])
def test_a_stop_at_the_moment_of_completion_tells_one_consistent_story(server: Server, rounds: int) -> None:
    events = Events(server)
    for n in range(rounds):
        pid = server.create("endings.py")
        server.wait_state(pid, "READY")
        starter = threading.Thread(target=server.put, args=(pid,), kwargs=_start("return"))
        starter.start()
        if n % 3:
            events.wait(lambda e, pid=pid: e.get("new_state") == "RUNNING" and e["pid"] == pid)
        answer = server.put(pid, state="STOPPED")
        starter.join()
        state = server.ended(pid)["state"]
        if answer.status_code == 200:
            assert state == "STOPPED"
        else:
            assert answer.status_code == 409, answer.text
            assert state == "COMPLETE"
        events.wait(lambda e, pid=pid: _final(e, pid))
        assert len([e for e in events.all if _final(e, pid)]) == 1
    events.close()


def _start(way: str) -> dict[str, Any]:
    return {"state": "RUNNING", "script_args": {"main": {"args": [way]}}}


def _final(event: dict[str, Any], pid: int) -> bool:
    last = event["topic"].rpartition(".")[2]
    return last in ("complete", "failed", "stopped") and event.get("result", {}).get("id") == pid


@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.long)])
def test_of_two_starts_at_once_exactly_one_runs(server: Server, rounds: int) -> None:
    for _ in range(rounds):
        pids = [server.create("diehard.py"), server.create("diehard.py")]
        for pid in pids:
            server.wait_state(pid, "READY")
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda pid: server.put(pid, **_start("sleeping")), pids))
        assert sorted(a.status_code for a in answers) == [200, 409], [a.text for a in answers]
        winner = pids[[a.status_code for a in answers].index(200)]
        loser = answers[[a.status_code for a in answers].index(409)]
        detail = loser.json()["detail"]
        assert detail.endswith((f"procedure {winner} is being started", f"procedure {winner} is RUNNING"))
        states = [server.procedure(pid)["state"] for pid in pids]
        assert sorted(states) == ["READY", "RUNNING"]
        for pid in pids:
            server.stop_script(pid)


def test_nothing_is_left_of_children_and_threads_when_main_returns(own_server: Server) -> None:
    script = own_server.state.parent / "leaves_things.py"
    script.write_text(
        "import subprocess, threading, time\n"
        "def main():\n"
        "    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()\n"
        "    print(subprocess.Popen(['sleep', '3600'], start_new_session=True).pid, flush=True)\n"
    )
    pid = own_server.run(str(script))
    assert own_server.ended(pid)["state"] == "COMPLETE"
    assert not alive(int(own_server.output(pid)))
    assert marked(own_server, pid) == []


def test_ctrl_c_in_the_terminal_of_the_server_is_an_orderly_end(own_server: Server) -> None:
    pid = own_server.run("diehard.py", "cleans_up", 0.1)
    until(lambda: own_server.procedure(pid)["state"] == "RUNNING")
    assert own_server.process is not None
    os.kill(own_server.process.pid, signal.SIGINT)
    assert own_server.process.wait(30) == 0
    assert (own_server.state / "runs" / str(pid) / "intent").read_text() == "shutdown"


def test_the_grace_period_is_a_setting(tmp_path_factory: pytest.TempPathFactory) -> None:
    from ..conftest import serving

    with serving(tmp_path_factory.mktemp("oet") / "state", OET_STOP_GRACE="0.2 s") as server:
        events = Events(server)
        pid, _ = in_position(server, events, "ignores_sigterm")
        server.stop_script(pid)
        stages = dict(server.procedure(pid)["outcome"]["stages"])
        assert stages["kill"] - stages["terminate"] > 0.19
        events.close()


def test_no_child_of_the_supervisor_stays_a_zombie(server: Server, events: Events) -> None:
    pid, here = in_position(server, events, "grandchild")
    server.stop_script(pid)
    listed = subprocess.run(["ps", "-e", "-o", "pid"], capture_output=True, text=True, check=True).stdout
    assert str(here["child"]) not in listed.split()


def test_a_procedure_for_which_no_interpreter_can_be_started_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text("import os\nos._exit(1)\n")
    with serving(tmp_path / "state", OET_PRELOAD="deadly", PYTHONPATH=str(tmp_path)) as server:
        pid = server.create("trivial.py")
        assert server.stop_script(pid)["survivors"] == 0
        outcome = server.procedure(pid)["outcome"]
        assert outcome["reason"] == "stopped"
        assert [stage for stage, _ in outcome["stages"]] == ["intent", "verified"]

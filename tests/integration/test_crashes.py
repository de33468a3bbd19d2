"""Nothing is lost: any process of the OET may be killed at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import psutil
import pytest

from ska_oso_oet.workers import NAMES

from ..conftest import CENTRAL, Events, Server, serving, until

ROLES = ("ses", "bus", "rest", "activity", *(("central",) if CENTRAL else ()))


TALKER = """
import sys, time
from pubsub import pub

def main(count, seconds):
    for n in range(count):
        pub.sendMessage("user.script.count", n=n)
        print(f"line {n}", flush=True)
        time.sleep(seconds)
"""


@pytest.fixture
def talker(tmp_path: Path) -> str:
    path = tmp_path / "talker.py"
    path.write_text(TALKER)
    return str(path)


class Resuming:
    """A listener that resumes with Last-Event-ID whenever its stream ends."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._events = Events(server)
        self.seen: list[dict[str, object]] = []

    def until_final(self, pid: int, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not any(_is_final(e, pid) for e in self._events.all):
            assert time.monotonic() < deadline
            if self._events.ended:
                self._reconnect()
            time.sleep(0.02)
        self._keep()

    def _keep(self) -> None:
        self.seen += [e for e in self._events.all if "seq" in e]

    def _reconnect(self) -> None:
        self._keep()
        last = max((int(str(e["seq"])) for e in self.seen), default=0)
        self._events.close()
        self._events = _when_possible(lambda: Events(self._server, after=last))

    def close(self) -> None:
        self._events.close()


def _when_possible(make):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 20
    while True:
        try:
            return make()
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _is_final(event: dict[str, object], pid: int) -> bool:
    return event.get("new_state") in ("COMPLETE", "FAILED", "STOPPED") and event["pid"] == pid


def check_whole(server: Server, listener: Resuming, pid: int, count: int) -> None:
    """The history, the output and the stream of a talker are complete, in order, each once."""
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid) == "".join(f"line {n}\n" for n in range(count))
    told = [e["n"] for e in listener.seen if e["topic"] == "user.script.count"]
    assert told == list(range(count))
    numbers = [e["seq"] for e in listener.seen]
    assert numbers == sorted(set(numbers))  # type: ignore[type-var]
    states = [s for s, _ in server.procedure(pid)["history"]["process_states"]]
    assert states == ["CREATING", "IDLE", "LOADING", "IDLE", "READY", "RUNNING", "COMPLETE"]
    streamed = [e["new_state"] for e in listener.seen if e.get("pid") == pid and "new_state" in e]
    assert streamed == ["RUNNING", "COMPLETE"]


@pytest.mark.parametrize("role", ROLES)
def test_a_script_does_not_notice_the_death_of_a_worker(new_server: Server, talker: str, role: str) -> None:
    pid = new_server.create(talker)
    new_server.wait_state(pid, "READY")
    listener = Resuming(new_server)
    os_pid = new_server.start_main(pid, 60, 0.02)["pid"]
    new_server.kill(role)
    listener.until_final(pid)
    assert psutil.pid_exists(os_pid) is False or psutil.Process(os_pid).status() == psutil.STATUS_ZOMBIE
    new_server.ready()
    check_whole(new_server, listener, pid, 60)
    assert new_server.create("trivial.py") == pid + 1
    listener.close()


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(n, marks=pytest.mark.long) for n in range(3, 13))])
def test_workers_killed_in_any_order_lose_nothing(new_server: Server, talker: str, seed: int) -> None:
    dice = random.Random(seed)
    pid = new_server.create(talker)
    new_server.wait_state(pid, "READY")
    listener = Resuming(new_server)
    new_server.start_main(pid, 200, 0.02)
    for role in dice.sample(ROLES, 4):
        with contextlib.suppress(LookupError):
            new_server.kill(role)
        time.sleep(dice.random() / 2)
    listener.until_final(pid)
    new_server.ready()
    check_whole(new_server, listener, pid, 200)
    listener.close()


def test_the_whole_server_killed_and_started_again_takes_the_script_over(
    new_server: Server, talker: str
) -> None:
    pid = new_server.create(talker)
    new_server.wait_state(pid, "READY")
    listener = Resuming(new_server)
    os_pid = new_server.start_main(pid, 400, 0.05)["pid"]
    kill_server(new_server)
    assert psutil.Process(os_pid).status() != psutil.STATUS_ZOMBIE
    new_server.start()
    found = new_server.procedure(pid)
    assert (found["state"], found["pid"]) == ("RUNNING", os_pid)
    assert new_server.put(new_server.create("trivial.py"), state="RUNNING").status_code == 409
    listener.until_final(pid)
    check_whole(new_server, listener, pid, 400)
    listener.close()


def kill_server(server: Server) -> None:
    """SIGKILL the arbiter; its workers must notice by themselves."""
    assert server.process is not None
    workers = [server.worker(role) for role in ROLES]
    server.process.kill()
    server.process.wait()
    assert server.process.stdout is not None
    server.process.stdout.close()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert alive == []


def test_a_script_taken_over_can_be_stopped(new_server: Server) -> None:
    pid = new_server.run("diehard.py", "sleeping")
    new_server.kill("ses")
    answer = new_server.stop_script(pid)
    assert answer["survivors"] == 0
    assert new_server.procedure(pid)["state"] == "STOPPED"


def test_a_run_that_ended_while_no_service_was_there_is_told_afterwards(
    new_server: Server, talker: str
) -> None:
    pid = new_server.run(talker, 10, 0.01)
    kill_server(new_server)
    until((new_server.state / "runs" / str(pid) / "result.json").exists)
    new_server.start()
    found = new_server.procedure(pid)
    assert found["state"] == "COMPLETE"
    assert new_server.output(pid) == "".join(f"line {n}\n" for n in range(10))


def test_a_script_whose_supervisor_died_has_failed_and_nothing_of_it_is_left(new_server: Server) -> None:
    events = Events(new_server)
    pid = new_server.run("diehard.py", "grandchild")
    here = events.wait(lambda e: e.get("msg") == "here")
    psutil.Process(psutil.Process(here["pid"]).ppid()).kill()
    found = new_server.ended(pid)
    assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "lost")
    for gone in (here["pid"], here["child"]):
        assert not psutil.pid_exists(gone) or psutil.Process(gone).status() == psutil.STATUS_ZOMBIE
    assert new_server.ended(new_server.run("trivial.py"))["state"] == "COMPLETE"
    events.close()


def test_a_supervisor_that_died_while_no_server_was_there_is_found_out(new_server: Server) -> None:
    events = Events(new_server)
    pid = new_server.run("diehard.py", "grandchild")
    here = events.wait(lambda e: e.get("msg") == "here")
    supervisor = psutil.Process(psutil.Process(here["pid"]).ppid())
    kill_server(new_server)
    supervisor.kill()
    new_server.start()
    found = new_server.ended(pid)
    assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "lost")
    assert not psutil.pid_exists(here["child"]) or (
        psutil.Process(here["child"]).status() == psutil.STATUS_ZOMBIE
    )


def test_a_process_number_used_again_is_not_taken_for_the_supervisor(new_server: Server) -> None:
    pid = new_server.run("diehard.py", "sleeping")
    identity = new_server.state / "runs" / str(pid) / "process.json"
    until(identity.exists)
    kill_server(new_server)
    known = json.loads(identity.read_text())
    os.kill(known["pid"], signal.SIGKILL)
    identity.write_text(json.dumps(known | {"pid": os.getpid()}))
    new_server.start()
    assert new_server.ended(pid)["outcome"]["reason"] == "lost"


def test_history_and_numbers_go_on_after_a_restart(new_server: Server) -> None:
    first = new_server.run("endings.py", "raise")
    before = new_server.ended(first)
    ready = new_server.create("trivial.py")
    new_server.wait_state(ready, "READY")
    assert new_server.stop() == 0
    new_server.start()
    after = new_server.procedure(first)
    assert {**after, "uri": ""} == {**before, "uri": ""}
    assert new_server.procedure(ready)["outcome"]["detail"].endswith("the server was shut down")
    assert new_server.create("trivial.py") == ready + 1


def test_a_request_made_while_the_service_restarts_is_carried_out_once(new_server: Server) -> None:
    for _ in range(5):
        new_server.kill("ses")
        pid = new_server.create("trivial.py")
        assert new_server.wait_state(pid, "READY")["id"] == pid
    ids = [p["id"] for p in new_server.get("/procedures")]
    assert ids == sorted(set(ids)) == list(range(1, 6))


def test_a_worker_that_keeps_dying_is_restarted_and_told(new_server: Server) -> None:
    events = Events(new_server)
    new_server.kill("activity")
    events.wait(lambda e: e["topic"] == "worker.lost" and e["worker"] == "ActivityWorker")
    events.wait(lambda e: e["topic"] == "worker.restarted" and e["worker"] == "ActivityWorker")
    new_server.ready()
    events.close()


@pytest.mark.parametrize(("role", "name"), [(role, NAMES[role]) for role in ROLES])
def test_a_worker_that_hangs_is_killed_and_what_was_asked_of_it_is_done(
    tmp_path: Path, role: str, name: str
) -> None:
    with serving(tmp_path / "state", OET_WATCHDOG="3 s") as server:
        pid = server.run("diehard.py", "sleeping")
        before = server.worker(role)
        hanging = [before, *before.children()] if role == "rest" else [before]  # gunicorn has one of its own
        for process in hanging:
            process.suspend()
        if role == "rest":
            before.wait(30)
            server.ready()
        server.stop_script(pid)
        before.wait(30)
        server.ready()
        assert f"{name} hung; restarting it" in server.log.read_text()


def test_stopping_scripts_may_take_a_worker_longer_than_the_watchdog_allows(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_WATCHDOG="3 s", OET_STOP_GRACE="5 s") as server:
        pid = server.run("diehard.py", "ignores_sigterm")
        assert server.stop() == 0
        server.start()
        assert server.procedure(pid)["state"] == "STOPPED"
        assert "has no heartbeat" not in server.log.read_text()


def test_the_forkserver_may_die_too(new_server: Server) -> None:
    forkserver = next(p for p in new_server.worker("ses").children() if "forkserver" in " ".join(p.cmdline()))
    pid = new_server.run("diehard.py", "sleeping")
    forkserver.kill()
    for _ in range(2):
        assert new_server.wait_state(new_server.create("trivial.py"), "READY")
    assert new_server.procedure(pid)["state"] == "RUNNING"
    new_server.stop_script(pid)


def test_a_forkserver_that_hangs_is_replaced_and_whoever_waits_gets_an_interpreter(
    new_server: Server,
) -> None:
    for _ in range(2):
        new_server.wait_state(new_server.create("trivial.py"), "READY")
    forkserver = next(p for p in new_server.worker("ses").children() if "forkserver" in " ".join(p.cmdline()))
    forkserver.suspend()
    for pid in [new_server.create("trivial.py") for _ in range(2)]:
        new_server.wait_state(pid, "READY", timeout=60)
    assert not forkserver.is_running()
    assert "The forkserver of interpreters hangs" in new_server.log.read_text()


def test_a_second_server_on_the_same_state_directory_refuses_to_start(new_server: Server) -> None:
    import subprocess
    import sys

    second = subprocess.run(
        [sys.executable, "-m", "ska_oso_oet.server"],
        env={**os.environ, **new_server.settings},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert new_server.process is not None
    assert f"process {new_server.process.pid} has the state directory" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    new_server.ready()


def test_messages_of_a_run_are_whole_when_it_is_stopped_in_the_middle(tmp_path: Path, talker: str) -> None:
    with serving(tmp_path / "state") as server:
        events = Events(server)
        pid = server.run("floods.py", "messages", 1_000_000)
        events.wait(lambda e: e.get("n") == 100)
        server.stop_script(pid)
        events.wait(lambda e: _is_final(e, pid))
        told = [e["n"] for e in events.all if e["topic"] == "user.script.flood"]
        assert told == list(range(len(told)))
        events.close()


def test_a_procedure_that_cannot_be_rebuilt_keeps_no_other_from_being_stopped(
    talker: str, tmp_path: Path
) -> None:
    with serving(tmp_path / "state") as server:
        odd, sound = server.create(talker), server.run(talker, 100_000, 0.05)
        server.wait_state(odd, "READY")
        until(lambda: server.output(sound))
        process = psutil.Process(server.procedure(odd)["os_pid"])
        with (
            contextlib.closing(sqlite3.connect(server.state / "journal.db", timeout=10)) as database,
            database,
        ):
            broken = "UPDATE messages SET body = json_set(body, '$.payload', json_object()) WHERE about = ?"
            database.execute(f"{broken} AND topic = 'procedure.lifecycle.created'", (odd,))
        server.kill("ses")
        server.ready()
        server.stop_script(sound)
        assert server.procedure(sound)["state"] == "STOPPED"
        process.wait(20)  # nobody could stop it by its number
        assert f"Procedure {odd} cannot be rebuilt" in server.log.read_text()

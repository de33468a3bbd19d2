"""Drained: what runs goes on and can be stopped, nothing new begins, and no crash changes that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from ..conftest import WORKERS, Events, Server, serving, until
from ..support.activities import Activities, Blocks, inline
from ..support.repositories import Repository, hanging, prints, serving_over_http
from ..support.scraping import number

ABORT = """
from pubsub import pub

def main(subarray_id):
    pub.sendMessage("user.script.announce", msg="aborting")
"""
WAITS = "import time\ndef main():\n    while True:\n        time.sleep(0.01)\n"
SCRIPT = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}
ENDS = "`oet resume` ends that"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("oet")
    (folder / "abort.py").write_text(ABORT)
    with serving(folder / "state", OET_ABORT_SCRIPT=str(folder / "abort.py")) as found:
        yield found


@pytest.fixture(autouse=True)
def resumed(server: Server) -> Iterator[None]:
    """Every test leaves a server that takes work and has nothing to do."""
    yield
    resume(server)
    for procedure in server.get("/procedures"):
        if procedure["outcome"] is None:
            server.put(procedure["id"], state="STOPPED")  # unless it has just ended


def drain(server: Server, reason: str | None = "maintenance", **more: Any) -> dict[str, Any]:
    answer = server.request("POST", "/drain", json={"reason": reason}, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["drained"]
    return found


def resume(server: Server) -> dict[str, Any]:
    answer = server.request("POST", "/resume", json={})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def root(server: Server) -> str:
    return server.url.split("/ska-oso-oet")[0]


def refused(answer: requests.Response, why: str = "maintenance") -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["detail"] == f"this OET is drained and takes no new work: {why}; {ENDS}"
    assert int(answer.headers["Retry-After"]) >= 60


def create(server: Server) -> requests.Response:
    return server.request("POST", "/procedures", json=SCRIPT)


def ready(server: Server) -> int:
    pid = server.create("diehard.py")
    server.wait_state(pid, "READY")
    return pid


def running(server: Server, *args: Any) -> int:
    """A script that has got to where it stays."""
    events = Events(server, topics="user")
    pid = ready(server)
    server.start_main(pid, *(args or ("sleeping",)))
    events.wait(lambda e: e.get("msg") == "here" and e["msg_src"] == str(pid))
    events.close()
    return pid


# -- the state ---------------------------------------------------------------------------------------


def test_a_drain_tells_since_when_by_whom_and_why(server: Server) -> None:
    before = time.time()
    told = drain(server)
    assert told == {"drained": True, "since": told["since"], "by": None, "reason": "maintenance"}
    assert before <= told["since"] <= time.time()
    status = server.get("/status")
    assert status["drain"] == told
    assert status["ready"] is False
    nothing = {"drained": False, "since": None, "by": None, "reason": None}
    assert resume(server) == nothing
    assert server.get("/status")["drain"] == nothing
    assert server.get("/status")["ready"] is True


def test_a_second_drain_changes_nothing_and_so_does_a_second_resume(server: Server) -> None:
    assert drain(server, "first") == drain(server, "second") == server.get("/status")["drain"]
    assert resume(server) == resume(server)


@pytest.mark.parametrize(
    "more",
    [{"json": {}}, {"headers": {"Content-Type": "application/json"}}, {"json": {"reason": " \n"}}],
)
def test_the_reason_and_the_body_may_be_left_out(server: Server, more: dict[str, Any]) -> None:
    answer = server.request("POST", "/drain", **more)
    assert answer.status_code == 200, answer.text
    assert answer.json()["reason"] is None
    assert create(server).json()["detail"] == f"this OET is drained and takes no new work; {ENDS}"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"json": {"reason": 1}}, 422),
        ({"json": {"reason": "x" * 201}}, 422),
        ({"json": {"reasn": "maintenance"}}, 422),
        ({"json": []}, 422),
        ({}, 415),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"maintenance", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"data": iter([b"reason"])}, 415),
    ],
)
def test_a_body_that_is_none_is_refused_and_drains_nothing(
    server: Server, more: dict[str, Any], status: int
) -> None:
    assert server.request("POST", "/drain", **more).status_code == status
    assert not server.get("/status")["drain"]["drained"]


def test_a_reason_is_one_line_whatever_it_was(server: Server) -> None:
    assert drain(server, "a\nb\x1b[1m  ")["reason"] == "a b [1m"
    assert create(server).status_code == 503


def test_the_root_says_draining_to_everybody_but_not_why(server: Server) -> None:
    drain(server, "a secret")
    answer = requests.get(f"{root(server)}/readyz", timeout=20)
    assert answer.status_code == 503
    assert answer.json()["detail"] == "not ready: draining, no new work is taken"
    assert set(answer.json()["workers"].values()) == {"ok"}
    assert "secret" not in answer.text
    assert requests.get(f"{root(server)}/livez", timeout=20).status_code == 200
    resume(server)
    assert requests.get(f"{root(server)}/readyz", timeout=20).status_code == 200


def test_it_is_told_as_events(server: Server) -> None:
    events = Events(server, topics="operator")
    drain(server)
    began = events.wait(lambda e: e["topic"] == "operator.drain.begin")
    assert began["reason"] == "maintenance"
    told = events.wait(lambda e: e["topic"] == "operator.drain.state")
    assert (told["drained"], told["reason"]) == (True, "maintenance")
    assert told["request_id"] == began["request_id"]
    resume(server)
    events.wait(lambda e: e["topic"] == "operator.drain.end")
    events.wait(lambda e: e["topic"] == "operator.drain.state" and not e["drained"])
    events.close()


def test_two_who_drain_at_once_are_told_the_same(server: Server) -> None:
    barrier = threading.Barrier(4)

    def ask(n: int) -> Any:
        barrier.wait()
        return requests.post(f"{server.url}/drain", json={"reason": f"{n}"}, timeout=30).json()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert all(answer == server.get("/status")["drain"] for answer in answers)


# -- what goes on, and what does not -----------------------------------------------------------------


def test_nothing_new_begins_and_what_waited_can_be_started_afterwards(server: Server) -> None:
    pid = ready(server)
    drain(server)
    refused(create(server))
    refused(server.put(pid, state="RUNNING", script_args={"main": {"args": ["sleeping"]}}))
    blocks = Blocks(server)
    blocks.add("sbd-1", {"observe": inline(WAITS)})
    refused(Activities(server).post("sbd-1"))
    refused(Activities(server).post("sbd-1", prepare_only=True))
    assert blocks.instances() == []
    assert [p["id"] for p in server.get("/procedures") if p["outcome"] is None] == [pid]
    assert server.procedure(pid)["state"] == "READY"
    resume(server)
    server.start_main(pid, "sleeping")
    server.ended(server.create("no_main.py"))


def test_a_running_script_goes_on_and_is_stopped_with_abort(server: Server) -> None:
    pid = running(server)
    drain(server)
    assert server.procedure(pid)["state"] == "RUNNING"
    assert server.get("/status")["running"]["id"] == pid
    answer = server.stop_script(pid, abort=True)
    assert answer["survivors"] == 0
    assert "and aborted subarray activity" in answer["abort_message"]
    assert server.ended(answer["abort_procedure"])["state"] == "COMPLETE"


def test_what_is_being_prepared_comes_to_ready_and_is_not_started(server: Server, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "scripts")
    repository.commit({"a.py": prints("a")})
    gate = threading.Event()
    with serving_over_http(tmp_path, gate=gate) as url:
        pid = server.create_from_git("a.py", f"{url}/scripts/.git", git_branch="main")
        server.wait_state(pid, "PREP_ENV")
        drain(server)
        gate.set()
        server.wait_state(pid, "READY")
        refused(server.put(pid, state="RUNNING"))
    resume(server)
    server.start_main(pid)
    assert server.ended(pid)["state"] == "COMPLETE"


def test_an_activity_that_is_being_prepared_fails_and_says_why(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"""
import os, time
def init():
    while not os.path.exists({str(gate)!r}):
        time.sleep(0.01)
def main():
    print('begun')
"""
    blocks, activities = Blocks(server), Activities(server)
    blocks.add("sbd-2", {"observe": inline(script, init={}, main={})})
    activity = activities.run("sbd-2")
    server.wait_state(activity["procedure_id"], "INITIALISING")
    drain(server)
    gate.touch()
    ended = activities.ended(activity["id"])
    assert ended["state"] == "FAILED"
    assert ended["outcome"]["reason"] == "not_started"
    assert "this OET is drained" in ended["outcome"]["detail"]
    assert server.ended(activity["procedure_id"])["state"] == "STOPPED"
    assert server.output(activity["procedure_id"], stream="stdout") == ""
    until(lambda: blocks.statuses(activity["sbi_id"])[-1:] == ["Failed"])


def test_a_preparation_that_hangs_can_be_stopped(server: Server) -> None:
    with hanging() as url:
        pid = server.create_from_git("a.py", url)
        server.wait_state(pid, "PREP_ENV")
        drain(server)
        assert server.stop_script(pid)["survivors"] == 0


def test_a_drain_in_the_middle_of_a_stop_changes_nothing_of_it(server: Server) -> None:
    pid = running(server, "cleans_up", 0.5)
    events = Events(server, procedure=pid)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(
            requests.put,
            f"{server.url}/procedures/{pid}",
            json={"state": "STOPPED", "abort": True},
            timeout=60,
        )
        events.wait(lambda e: e.get("stage") == "terminate")
        drain(server)
        answer = stopping.result().json()
    events.close()
    assert answer["survivors"] == 0
    assert server.ended(answer["abort_procedure"])["state"] == "COMPLETE"
    assert "cleaned up" in server.output(pid)


def test_a_start_that_was_taken_before_the_drain_is_carried_out(server: Server) -> None:
    """Whatever comes first: a start is either refused, or its script runs."""
    for _ in range(3):
        pid = ready(server)
        with ThreadPoolExecutor(2) as pool:
            start = {"state": "RUNNING", "script_args": {"main": {"args": ["sleeping"]}}}
            url = f"{server.url}/procedures/{pid}"
            starting = pool.submit(requests.put, url, json=start, timeout=60)
            draining = pool.submit(requests.post, f"{server.url}/drain", json={}, timeout=60)
            assert draining.result().status_code == 200
            begun = starting.result().status_code
        assert (begun, server.procedure(pid)["state"]) in ((200, "RUNNING"), (503, "READY"))
        assert server.stop_script(pid)["survivors"] == 0
        resume(server)


# -- crashes -----------------------------------------------------------------------------------------


def test_a_drain_outlives_every_worker(server: Server) -> None:
    pid = running(server)
    told = drain(server)
    well = dict.fromkeys(WORKERS, "ok")
    for role in ("rest", "ses", "bus", "activity"):
        server.kill(role)
        until(lambda: server.request("GET", "/status").json().get("workers") == well)
        assert server.get("/status")["drain"] == told, role
        refused(create(server))
        assert server.procedure(pid)["state"] == "RUNNING"
    assert server.stop_script(pid)["survivors"] == 0
    resume(server)
    server.kill("ses")
    server.ready()
    assert create(server).status_code == 201


def test_where_nobody_can_tell_whether_it_was_drained_it_is(server: Server) -> None:
    (server.state / "drained.json").write_text("rubbish")
    server.kill("ses")
    until(lambda: server.get("/status")["drain"]["drained"] is True)
    assert create(server).status_code == 503
    resume(server)
    server.kill("ses")
    server.ready()


def test_a_drain_asked_for_while_its_worker_is_away_is_answered_once_it_is_back(server: Server) -> None:
    victim = server.worker("ses")
    victim.suspend()
    with ThreadPoolExecutor(1) as pool:
        draining = pool.submit(drain, server)
        until(lambda: _asked(server))
        victim.kill()
        told = draining.result()
    server.kill("ses")
    until(lambda: server.get("/status")["drain"] == told)


def _asked(server: Server) -> bool:
    found = server.get("/audit", limit=1)
    return bool(found) and found[0]["path"] == "/drain" and found[0]["status"] is None


def test_a_drain_ends_with_the_server_and_so_do_counts(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        server.ended(server.create("no_main.py"))
        failed = {"state": "FAILED", "reason": "load_error"}
        assert number(server, "oet_procedures_finished_total", **failed) == 1
        drain(server)
        server.stop()
        server.start()
        assert not server.get("/status")["drain"]["drained"]
        assert number(server, "oet_procedures_finished_total", **failed) is None
        assert create(server).status_code == 201
        drain(server)
        assert server.process is not None
        server.process.kill()
        server.process.wait(10)
        assert server.process.stdout is not None
        server.process.stdout.close()
        server.start()
        assert create(server).status_code == 201

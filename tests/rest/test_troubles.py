"""Health, and the answers while workers are away or busy."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from ..conftest import CENTRAL, WORKERS, Server, serving, until
from .answers import TRIVIAL, asks, events_of, problem, root


def test_health_is_answered_at_the_root(server: Server) -> None:
    alive = requests.get(f"{root(server)}/livez", timeout=20)
    assert (alive.status_code, alive.json()["status"]) == (200, "alive")
    ready = requests.get(f"{root(server)}/readyz", timeout=20)
    assert ready.status_code == 200
    said = ready.json()
    assert set(said) == {"status", "workers", "stores"}
    assert said["status"] == "ready"
    assert said["workers"] == dict.fromkeys(WORKERS, "ok")
    central = "ok" if CENTRAL else None
    assert said["stores"] == {"journal": "ok", "central_history": central, "audit_export": None}


def test_without_a_central_history_all_subarrays_are_422_in_one_sentence(server: Server) -> None:
    for path in ("/procedures?all_subarrays=true", "/stream?all_subarrays=true"):
        with server.request("GET", path, headers={"Accept": "*/*"}, stream=True) as answer:
            assert answer.status_code == (200 if CENTRAL else 422)
            if not CENTRAL:
                detail = answer.json()["detail"]
                assert "OET_DATABASE_URL would have to name a PostgreSQL database" in detail


# -- settings and troubles -------------------------------------------------------------------------


def test_scripts_outside_the_allowed_folders_are_422(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "inside out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "script.py").write_text("def main():\n    pass\n")
    (inside / "link.py").symlink_to(outside / "script.py")
    with serving(tmp_path / "state", OET_SCRIPT_PATHS=str(inside), SCRIPTS_LOCATION=str(inside)) as server:
        assert server.create(f"{inside}/script.py") == 1
        assert server.create("script.py") == 2
        for path in (
            f"{outside}/script.py",
            f"{inside}/link.py",
            f"{inside}/../inside out/script.py",
            "link.py",
        ):
            answer = server.request("POST", "/procedures", json=asks(script_uri=f"file://{path}"))
            problem(answer, 422, "lies outside the folders scripts may come from")


def test_a_list_full_of_procedures_being_prepared_is_429(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_HISTORY="1") as server:
        pid = server.create("hung_import.py")
        answer = server.request("POST", "/procedures", json=TRIVIAL)
        problem(answer, 429, "1 procedures are running or being prepared")
        assert int(answer.headers["Retry-After"]) > 0
        server.stop_script(pid)
        assert server.request("POST", "/procedures", json=TRIVIAL).status_code == 201


def test_new_work_is_503_while_the_server_is_being_shut_down(own_server: Server) -> None:
    pid = own_server.run("diehard.py", "ignores_sigterm")
    other = own_server.create("trivial.py")
    own_server.wait_state(other, "READY")
    with events_of(own_server, procedure=pid) as events:
        assert own_server.process is not None
        own_server.process.send_signal(signal.SIGTERM)
        events.wait(lambda e: e.get("stage") == "terminate")
        answer = own_server.request("POST", "/procedures", json=TRIVIAL)
        problem(answer, 503, "shutting down")
        assert int(answer.headers["Retry-After"]) > 0
        problem(own_server.put(pid, state="RUNNING"), 503, "shutting down")
        events.wait(lambda e: e.get("new_state") == "STOPPED")


def _state(thread: int) -> str:
    return Path(f"/proc/{thread}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def frozen() -> Iterator[Callable[[psutil.Process], None]]:
    """Stops processes, and lets them go on in the end."""
    stopped: list[psutil.Process] = []

    def freeze(process: psutil.Process) -> None:
        stopped.append(process)
        process.suspend()
        until(lambda: {_state(thread.id) for thread in process.threads()} == {"T"})

    yield freeze
    for process in stopped:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def test_a_crowd_that_asks_for_readiness_leaves_threads_for_a_stop(
    own_server: Server, frozen: Callable[[psutil.Process], None]
) -> None:
    pid = own_server.run("diehard.py", "sleeping")
    frozen(own_server.worker("activity"))
    with ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(requests.get, f"{root(own_server)}/readyz", timeout=60) for _ in range(24)]
        assert own_server.stop_script(pid)["survivors"] == 0
        assert not all(answer.done() for answer in asked)  # those that wait have not ended before the stop
        assert {answer.result().status_code for answer in asked} == {503}


@pytest.fixture
def patient_server(tmp_path: Path) -> Iterator[Server]:
    """A server that goes on waiting for a worker that hangs."""
    with serving(tmp_path / "state", OET_WATCHDOG="none") as found:
        yield found


def test_a_worker_that_does_not_answer_is_504_and_the_request_is_not_carried_out_later(
    patient_server: Server, frozen: Callable[[psutil.Process], None]
) -> None:
    ready = patient_server.create("trivial.py")
    patient_server.wait_state(ready, "READY")
    worker = patient_server.worker("ses")
    frozen(worker)
    with ThreadPoolExecutor(4) as pool:
        making = pool.submit(patient_server.request, "POST", "/procedures", json=TRIVIAL)
        starting = pool.submit(patient_server.put, ready, state="RUNNING")
        asking = pool.submit(patient_server.request, "GET", "/procedures")
        health = requests.get(f"{root(patient_server)}/readyz", timeout=20)
        assert health.status_code == 503
        assert health.json()["workers"]["SESWorker"].startswith("away")
        assert requests.get(f"{root(patient_server)}/livez", timeout=20).status_code == 200
        for asked in (making, starting, asking):
            problem(asked.result(60), 504, "the request was cancelled")
    worker.resume()
    patient_server.ready()
    with events_of(patient_server, after=0) as events:
        for topic in ("request.procedure.create", "request.procedure.start"):
            events.wait(
                lambda e, topic=topic: (
                    e.get("event") == "request.failed" and e["kind"] == "timeout" and topic in e["detail"]
                )
            )
    assert [(p["id"], p["state"]) for p in patient_server.get("/procedures")] == [(ready, "READY")]


def test_a_worker_that_is_not_there_is_503_with_retry_after(
    new_server: Server, frozen: Callable[[psutil.Process], None]
) -> None:
    assert new_server.process is not None
    victim = new_server.worker("ses")
    arbiter = psutil.Process(new_server.process.pid)
    frozen(arbiter)  # so that nobody restarts it
    victim.kill()
    until(lambda: victim.status() == psutil.STATUS_ZOMBIE)
    answer = new_server.request("GET", "/procedures")
    problem(answer, 503, "^SESWorker is being restarted; try again shortly$")
    assert int(answer.headers["Retry-After"]) > 0
    arbiter.resume()
    new_server.ready()
    assert new_server.get("/procedures") == []


def test_without_the_bus_requests_are_503_with_retry_after_and_work_again_when_it_is_back(
    new_server: Server, frozen: Callable[[psutil.Process], None]
) -> None:
    assert new_server.process is not None
    pid = new_server.create("trivial.py")
    victim = new_server.worker("bus")
    arbiter = psutil.Process(new_server.process.pid)
    frozen(arbiter)
    victim.kill()
    until(lambda: victim.status() == psutil.STATUS_ZOMBIE)
    answer = new_server.request("GET", "/procedures")
    problem(answer, 503, "bus")
    assert int(answer.headers["Retry-After"]) > 0
    arbiter.resume()
    new_server.ready()
    assert [p["id"] for p in new_server.get("/procedures")] == [pid]


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(server: Server) -> None:
    address = urllib.parse.urlsplit(server.url)
    body = json.dumps(TRIVIAL).encode()
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(
            f"POST {address.path}/procedures HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\n"
            f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        )
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 201 ")

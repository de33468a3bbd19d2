"""A full disk: new work is refused, what runs goes on, nothing recorded is damaged."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Events, Server, serving, until


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 40 MiB."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    stuffing = disk / "stuffing"
    with open(stuffing, "wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return stuffing


def test_new_work_is_refused_and_a_running_script_goes_on(small_disk: Path, tmp_path: Path) -> None:
    script = tmp_path / "counts.py"
    script.write_text(
        "import os, time\nfrom pubsub import pub\n"
        "def main(flag):\n"
        "    n = 0\n"
        "    while not os.path.exists(flag):\n"
        "        pub.sendMessage('user.script.count', n=n)\n"
        "        print(n, flush=True)\n"
        "        n += 1\n"
        "        time.sleep(0.02)\n"
    )
    with serving(small_disk / "state") as server:
        events = Events(server)
        ready = server.create("trivial.py")
        server.wait_state(ready, "READY")
        pid = server.run(str(script), str(tmp_path / "flag"))
        events.wait(lambda e: e.get("n") == 5)
        stuffing = fill(small_disk)
        refused = _create(server)
        assert refused.status_code == 503, refused.text
        assert "disk" in refused.json()["detail"] or "free" in refused.json()["detail"]
        assert "Retry-After" in refused.headers
        seen = len(events.topics("user.script.count"))
        events.wait(lambda e: e.get("n") == seen + 20)
        assert server.stop_script(ready)["survivors"] == 0
        assert server.procedure(ready)["state"] == "STOPPED"
        (tmp_path / "flag").touch()
        events.wait(lambda e: e.get("new_state") == "COMPLETE" and e["pid"] == pid)
        stuffing.unlink()
        until(lambda: _create(server).status_code == 201)
        told = [e["n"] for e in events.all if e["topic"] == "user.script.count"]
        assert told == list(range(len(told)))
        server.kill("ses")
        server.kill("bus")
        server.ready()
        assert server.procedure(pid)["state"] == "COMPLETE"
        replayed = Events(server, after=0, topics="user.script.count")
        replayed.wait(lambda e: e["n"] == told[-1])
        assert [e["n"] for e in replayed.all] == told
        replayed.close()
        events.close()


def test_a_drain_is_carried_out_and_outlives_a_crash(small_disk: Path) -> None:
    with serving(small_disk / "state", LOG_LEVEL="CRITICAL") as server:
        stuffing = fill(small_disk)
        told = server.request("POST", "/drain", json={"reason": "the disk is full"})
        assert told.status_code == 200, told.text
        server.kill("ses")
        until(lambda: server.get("/status")["workers"]["SESWorker"] == "ok")
        assert server.get("/status")["drain"] == told.json()
        assert server.request("POST", "/resume", json={}).status_code == 200
        command = [sys.executable, "-m", "ska_oso_oet.server", "drain", f"--state-dir={server.state}"]
        subprocess.run(command, timeout=30, check=True)
        assert server.get("/status")["drain"]["drained"]
        stuffing.unlink()


@pytest.mark.parametrize("killed", [["bus"], ["ses", "bus"]])
def test_a_script_can_be_stopped_though_the_bus_was_killed_with_messages_it_could_not_write(
    small_disk: Path, killed: list[str]
) -> None:
    with serving(small_disk / "state", LOG_LEVEL="CRITICAL") as server:
        pid = server.run("diehard.py", "sleeping")
        events = Events(server)
        stuffing = fill(small_disk)
        for _ in range(3):
            assert server.request("POST", "/drain", json={}).status_code == 200
            assert server.request("POST", "/resume", json={}).status_code == 200
        for role in killed:
            server.kill(role)
            server.ready()
        assert server.stop_script(pid)["survivors"] == 0
        assert server.procedure(pid)["state"] == "STOPPED"
        assert server.get("/status")["stores"]["journal"].startswith("cannot be written: ")
        stuffing.unlink()
        until(lambda: _create(server).status_code == 201)
        events.wait(lambda e: e["topic"] == "procedure.lifecycle.created")
        numbers = [e["seq"] for e in events.all if "seq" in e]
        assert numbers == sorted(set(numbers))
        ids = [e["request_id"] for e in events.all if e["topic"] == "request.operator.drain.begin"]
        assert len(ids) == len(set(ids))
        events.close()


def _create(server: Server):  # type: ignore[no-untyped-def]
    body = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}
    return server.request("POST", "/procedures", json=body)

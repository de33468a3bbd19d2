"""A full disk: new work is refused, what runs goes on, nothing recorded is damaged."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ska_oso_oet.settings import read_settings
from ska_oso_oet.workers.common import CannotStart, hold_lock

from ..conftest import Events, Server, serving, until


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 40 MiB."""
    with disk("size=40m") as folder:
        yield folder


@contextlib.contextmanager
def disk(options: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
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


def test_a_stop_is_answered_aborts_and_ends_with_the_server_though_its_records_cannot_be_written(
    small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "abort.py").write_text("def main(subarray_id):\n    pass\n")
    talks = tmp_path / "talks.py"
    talks.write_text(
        "import itertools, time\nfrom pubsub import pub\n"
        "def main():\n"
        "    for n in itertools.count():\n"
        "        pub.sendMessage('user.script.count', n=n, text='x' * 200)\n"
        "        time.sleep(0.02)\n"
    )
    settings = {"OET_ABORT_SCRIPT": str(tmp_path / "abort.py"), "LOG_LEVEL": "CRITICAL"}
    with contextlib.ExitStack() as stack:
        server = Server(small_disk / "state", **settings).start()
        stack.callback(server.stop)
        events = Events(server)
        pid = server.run(str(talks))
        stuffing = fill(small_disk)
        seen = len(events.topics("user.script.count"))
        events.wait(lambda e: e.get("n") == seen + 100)
        answer = server.stop_script(pid, abort=True)
        assert answer["abort"]["state"] in ("RUNNING", "COMPLETE")
        assert server.ended(answer["abort_procedure"])["state"] == "COMPLETE"
        by_hand = server.request("POST", "/abort", json={})
        assert by_hand.status_code == 201, by_hand.text
        assert server.ended(by_hand.json()["id"])["state"] == "COMPLETE"
        told = [e["n"] for e in events.all if e["topic"] == "user.script.count"]
        events.close()
        assert server.stop() == 0
    stuffing.unlink()
    with serving(small_disk / "state", **settings) as server:
        assert server.procedure(pid)["state"] == "STOPPED"
        replayed = Events(server, after=0, topics="user.script.count")
        replayed.wait(lambda e: e["n"] == told[-1])
        assert [e["n"] for e in replayed.all] == list(range(len(replayed.all)))
        replayed.close()


def test_the_bus_comes_back_however_often_beside_a_script_that_takes_all_room(
    small_disk: Path, tmp_path: Path
) -> None:
    script = tmp_path / "eats.py"
    script.write_text(
        "import os, time\n"
        "def main():\n"
        "    with open('data', 'ab', buffering=0) as file:\n"
        "        while True:\n"
        "            try:\n"
        "                file.write(b'x' * 4096)\n"
        "            except OSError:\n"
        "                time.sleep(0.0002)\n"
    )
    with serving(small_disk / "state", LOG_LEVEL="CRITICAL") as server:
        pid = server.run(str(script))
        until(lambda: os.statvfs(small_disk).f_bavail == 0)
        for _ in range(5):
            server.kill("bus")
            server.ready()
        assert server.stop_script(pid)["survivors"] == 0
        assert server.procedure(pid)["state"] == "STOPPED"


def test_a_lock_can_be_taken_on_a_full_disk_and_names_its_owner(small_disk: Path) -> None:
    settings = read_settings({"OET_STATE_DIR": str(small_disk)})
    os.close(hold_lock(settings, "server"))
    fill(small_disk)
    held = hold_lock(settings, "server")
    with pytest.raises(CannotStart, match=f"process {os.getpid()} has the state directory"):
        hold_lock(settings, "server", patience=0.1)
    os.close(held)
    os.truncate(small_disk / "server.lock", 0)  # as an earlier release left it
    held = hold_lock(settings, "server")
    os.close(held)


def test_new_work_is_refused_without_inodes_and_the_subarray_can_be_aborted(tmp_path: Path) -> None:
    (tmp_path / "abort.py").write_text("def main(subarray_id):\n    pass\n")
    settings = {"OET_ABORT_SCRIPT": str(tmp_path / "abort.py"), "LOG_LEVEL": "CRITICAL"}
    with disk("size=100m,nr_inodes=600") as small, serving(small / "state", **settings) as server:
        pid = server.run("diehard.py", "sleeping")
        for free in (150, 4, 0):
            while os.statvfs(small).f_favail > free:
                (small / f"stuffing{os.statvfs(small).f_favail}").touch()
            refused = _create(server)
            assert (refused.status_code, "inodes are free" in refused.text) == (503, True), refused.text
        server.kill("bus")
        server.ready()
        answer = server.stop_script(pid, abort=True)
        assert server.ended(answer["abort_procedure"])["state"] == "COMPLETE"


def test_a_script_that_cannot_be_supervised_does_not_begin(tmp_path: Path) -> None:
    script = tmp_path / "marks.py"
    script.write_text(f"open({str(tmp_path / 'begun')!r}, 'w')\ndef main():\n    pass\n")
    with serving(tmp_path / "state", LOG_LEVEL="CRITICAL") as server:
        (tmp_path / "state" / "runs" / "1" / "events.jsonl").mkdir(parents=True)  # the file cannot be made
        pid = server.create(str(script))
        found = server.ended(pid)
        assert (pid, found["state"]) == (1, "FAILED")
        assert "its supervisor could not begin: " in found["outcome"]["detail"]
        assert not (tmp_path / "begun").exists()
        server.ended(server.run("trivial.py"))

"""What may be secret in arguments reaches the script and nobody else: not the journal, not who listens."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ..conftest import Events, Server, serving, until
from ..support.activities import Activities, Blocks, inline
from ..support.postgresql import PostgreSQL

SECRET = "hunter2"  # noqa: S105
ADDRESS = f"https://me:{SECRET}@archive.example/x"
INIT = {"db": {"password": SECRET}, "plain": "told"}
MAIN = {"api_key": SECRET, "url": ADDRESS, "plain": "told"}
SHOWN_INIT = {"db": {"password": "***"}, "plain": "told"}
SHOWN_MAIN = {"api_key": "***", "url": "https://***@archive.example/x", "plain": "told"}


def _script(folder: Path) -> tuple[str, Path]:
    """A script that writes down what it was given, and where it does."""
    given, file = folder / "given.json", folder / "writes_down.py"
    file.write_text(
        "import json\nheard = {}\n"
        "def init(**kwargs):\n    heard['init'] = kwargs\n"
        "def main(*args, context, **kwargs):\n"
        "    heard['main'] = kwargs\n"
        f"    with open({str(given)!r}, 'w') as file:\n        json.dump(heard, file)\n"
    )
    return str(file), given


def _given(shown: dict[str, Any]) -> dict[str, Any]:
    """What ``main`` was given by whoever asked, according to a document."""
    added = ("context", "sb_json", "sbi_id", "subarray_id")
    found = shown["script_args"]["main"]["kwargs"]
    return {name: value for name, value in found.items() if name not in added}


def _require_nowhere(state: Path) -> None:
    """No file holds the secret, but those of run directories that only their owner may read."""
    holders = [
        path
        for path in state.rglob("*")
        if path.is_file() and not path.is_symlink() and SECRET.encode() in path.read_bytes()
    ]
    for path in holders:
        assert path.name in ("spec.json", "events.jsonl"), path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path.parent


def _stopped(server: Server, role: str) -> Iterator[None]:
    worker = server.worker(role)
    worker.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        worker.kill()
        worker.wait(10)


stopped = contextlib.contextmanager(_stopped)


def _asked_of(server: Server, topic: str) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(server.state / "journal.db", timeout=10)) as database:
        rows = database.execute("SELECT body FROM messages WHERE topic = ?", (topic,)).fetchall()
    return [json.loads(body) for (body,) in rows]


def test_the_script_gets_its_secrets_and_nobody_else_does(tmp_path: Path) -> None:
    script, given = _script(tmp_path)
    backup = tmp_path / "backup.db"
    with serving(tmp_path / "state") as server:
        events = Events(server)
        pid = server.create(script, **INIT)
        server.wait_state(pid, "READY")
        started = server.start_main(pid, **MAIN)
        ended = server.ended(pid)
        assert json.loads(given.read_text()) == {"init": INIT, "main": MAIN}
        for shown in (started, ended, *server.get("/procedures"), *server.get("/procedures", all=True)):
            assert shown["script_args"]["init"]["kwargs"] == SHOWN_INIT
            assert _given(shown) == SHOWN_MAIN
        events.wait(lambda e: e["topic"] == "procedure.lifecycle.complete")
        events.wait(lambda e: e["topic"] == "request.procedure.start")
        replayed = Events(server, after=0)
        replayed.wait(lambda e: e["topic"] == "procedure.lifecycle.complete")
        assert SECRET not in json.dumps([events.all, replayed.all, server.get("/audit")])
        assert not list((server.state / "sealed").iterdir())
        events.close()
        replayed.close()
        command = [sys.executable, "-m", "ska_oso_oet.server", "backup", str(backup)]
        subprocess.run(command, env={**server.settings, "PATH": ""}, check=True, capture_output=True)
    assert SECRET.encode() not in backup.read_bytes()
    assert SECRET not in server.log.read_text()
    _require_nowhere(server.state)
    spec = server.state / "runs" / str(pid) / "spec.json"
    assert SECRET in spec.read_text()


def test_an_activity_hands_secrets_to_its_script_only(tmp_path: Path) -> None:
    script, given = _script(tmp_path)
    with serving(tmp_path / "state") as server:
        blocks, activities = Blocks(server), Activities(server)
        block = blocks.add(
            "sbd-1", {"observe": inline(Path(script).read_text(), main={"kwargs": {"token": SECRET}})}
        )
        answer = activities.run(block, script_args={"init": {"kwargs": INIT}, "main": {"kwargs": MAIN}})
        done = activities.ended(answer["id"])
        assert done["state"] == "COMPLETE"
        heard = json.loads(given.read_text())
        assert heard["init"] | INIT == heard["init"]
        assert heard["main"] | MAIN | {"token": SECRET} == heard["main"]
        for shown in (answer, done):
            assert _given(shown) == SHOWN_MAIN | {"token": "***"}
        stored = json.dumps(blocks.instances())
        assert SECRET not in stored
        assert "told" in stored
        sbd = server.state / "activities" / answer["sbi_id"] / "sbd.json"
        assert stat.S_IMODE(sbd.parent.stat().st_mode) == 0o700
        for path in (*(server.state / "oda" / "sbd").rglob("*.json"), sbd):
            path.unlink()  # the scheduling block itself is the archive's, and was not masked by it
    _require_nowhere(server.state)


def test_what_main_was_given_at_create_outlives_the_service(tmp_path: Path) -> None:
    script, given = _script(tmp_path)
    with serving(tmp_path / "state") as server:
        body = {
            "script": {"script_type": "filesystem", "script_uri": f"file://{script}"},
            "script_args": {"init": {"kwargs": INIT}, "main": {"kwargs": MAIN}},
        }
        pid = server.request("POST", "/procedures", json=body).json()["id"]
        server.wait_state(pid, "READY")
        server.kill("ses")
        server.ready()
        assert _given(server.procedure(pid)) == SHOWN_MAIN
        server.start_main(pid, more="given")
        server.ended(pid)
        assert json.loads(given.read_text())["main"] == MAIN | {"more": "given"}


@pytest.mark.parametrize("also", ["ses", "bus", "rest"])
def test_a_command_is_carried_out_with_its_secrets_though_workers_are_killed_before_they_answer(
    tmp_path: Path, also: str
) -> None:
    script, given = _script(tmp_path)
    with serving(tmp_path / "state") as server:
        body = {
            "script": {"script_type": "filesystem", "script_uri": f"file://{script}"},
            "script_args": {"init": {"kwargs": INIT}, "main": {"kwargs": MAIN}},
        }
        with stopped(server, "ses"):
            with contextlib.suppress(requests.Timeout):
                requests.post(f"{server.url}/procedures", json=body, timeout=0.5)
            until(lambda: bool(_asked_of(server, "request.procedure.create")))
            (asked,) = _asked_of(server, "request.procedure.create")
            assert SECRET not in json.dumps(asked)
            if also == "rest":
                for process in server.worker("rest").children():
                    process.kill()
            if also != "ses":
                server.kill(also)
        server.ready()
        until(lambda: bool(server.get("/procedures")))
        (created,) = server.get("/procedures")
        server.wait_state(created["id"], "READY")
        server.start_main(created["id"])
        server.ended(created["id"])
        assert json.loads(given.read_text()) == {"init": INIT, "main": MAIN}


def test_a_command_whose_secrets_are_lost_is_refused_and_says_so(tmp_path: Path) -> None:
    script, given = _script(tmp_path)
    with serving(tmp_path / "state") as server:
        pid = server.create(script)
        server.wait_state(pid, "READY")
        events = Events(server)
        body = {"state": "RUNNING", "script_args": {"main": {"kwargs": MAIN}}}
        with stopped(server, "ses"):
            with contextlib.suppress(requests.Timeout):
                requests.put(f"{server.url}/procedures/{pid}", json=body, timeout=0.5)
            until(lambda: bool(_asked_of(server, "request.procedure.start")))
            (aside,) = (server.state / "sealed").iterdir()
            assert stat.S_IMODE(aside.stat().st_mode) == 0o600
            aside.unlink()
        refused = events.wait(lambda e: e["topic"] == "request.failed")
        assert refused["status"] == 503
        assert "send it again" in refused["detail"]
        assert server.procedure(pid)["state"] == "READY"
        assert not given.exists()
        events.close()


def test_the_central_history_has_no_secrets_either(
    tmp_path: Path, centre: str, postgresql: PostgreSQL
) -> None:
    script, given = _script(tmp_path)
    with serving(tmp_path / "state", OET_DATABASE_URL=centre) as server:
        pid = server.create(script, **INIT)
        server.wait_state(pid, "READY")
        server.start_main(pid, **MAIN)
        server.ended(pid)
        until(lambda: [p["state"] for p in server.get("/procedures", all_subarrays=True)] == ["COMPLETE"])
        assert SECRET in given.read_text()
    for table in ("messages", "procedures", "documents", "audit"):
        assert SECRET not in str(postgresql.sql(centre, f"SELECT * FROM oet_{table}"))  # noqa: S608

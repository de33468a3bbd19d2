"""The audit of a real server can be verified by it and by `oet audit --verify`, over crashes and days."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from ska_oso_oet_client import AuditVerification, InvalidRequestError, OETClient

from ..conftest import Server, serving, until
from ..support.ageing import DAY

pytestmark = pytest.mark.timeout(180)


def _verified(server: Server, head: str | None = None) -> AuditVerification:
    with OETClient(server.url) as client:
        return client.verify_audit(head)


def _oet(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "oet", "audit", "--verify", *words]
    environment = {**os.environ, "OET_URL": server.url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def _work(server: Server) -> None:
    """Commands that succeed, that fail, and what is answered to them."""
    server.ended(server.run("trivial.py"))
    assert server.put(4711, state="STOPPED").status_code == 404
    until(lambda: server.get("/audit", limit=1)[0]["status"] == 404)


def _change(server: Server, statement: str) -> None:
    file = server.state / "journal.db"
    with contextlib.closing(sqlite3.connect(file, timeout=20)) as database, database:
        assert database.execute(statement).rowcount > 0


def test_the_chain_goes_on_over_crashes_of_every_worker_and_restarts(tmp_path: Path) -> None:
    heads = []
    for _ in range(2):
        with serving(tmp_path / "state") as server:
            _work(server)
            heads.append(_verified(server).head)
            for role in ("bus", "rest", "bus"):
                server.kill(role)
                server.ready()
                _work(server)
            found = _verified(server)
            assert found.unbroken, found
            assert all(_verified(server, head).unbroken for head in heads)
            verdict = server.get("/audit/verdict")
            assert (verdict["unbroken"], verdict["complete"]) == (True, True)
            assert (verdict["records"], verdict["head"]["hash"]) == (found.records, found.last.hash)
    assert found.first is not None
    assert (found.first.n, found.last.n) == (1, found.records)


def test_oet_tells_what_it_found_and_where_it_ends(new_server: Server) -> None:
    _work(new_server)
    done = _oet(new_server)
    assert (done.returncode, done.stderr) == (0, "")
    first, head = done.stdout.splitlines()
    time = r"\(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)"
    assert re.fullmatch(rf"6 records, unbroken from number 1 {time} to number 6 {time}", first)
    assert re.fullmatch(r"Head: 6:[0-9a-f]{64}", head)
    noted = head.removeprefix("Head: ")
    _work(new_server)
    assert _oet(new_server, "--head", noted).returncode == 0
    wrong = _oet(new_server, f"--head={'0' * 63}1")
    assert wrong.returncode == 1
    assert wrong.stdout.startswith("BROKEN: no record has the hash that was noted")
    assert _oet(new_server, "--head=latest").returncode == 2
    assert json.loads(_oet(new_server, "--output=json").stdout)["records"] == 12
    _change(new_server, "UPDATE messages SET body = replace(body, '4711', '4712') WHERE body LIKE '%4711%'")
    broken = _oet(new_server)
    assert (broken.returncode, broken.stderr) == (1, "")
    assert broken.stdout.splitlines()[:2] == [
        "BROKEN: record 5 was changed after it was written",
        "4 records before that are in order",
    ]
    document = json.loads(_oet(new_server, "--output=json").stdout)
    assert (document["unbroken"], document["broken"]["n"]) == (False, 5)
    assert new_server.get("/audit/verdict")["broken"]["n"] == 5


def test_what_is_written_while_it_is_verified_is_no_break(new_server: Server) -> None:
    enough = threading.Event()

    def work() -> int:
        for n in itertools.count():  # noqa: B007
            if enough.is_set():
                break
            requests.put(f"{new_server.url}/procedures/4711", json={"state": "STOPPED"}, timeout=30)
        return n

    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(work) for _ in range(2)]
        try:
            for _ in range(10):
                found = _verified(new_server)
                assert found.unbroken, found
                assert new_server.get("/audit/verdict")["unbroken"]
        finally:
            enough.set()
        assert all(one.result() for one in busy)


WAITING = """
import os, time
def main(path):
    while not os.path.exists(path):
        time.sleep(0.01)
"""


def test_days_that_are_too_old_are_removed_without_breaking_the_chain(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        _work(server)
        # The last message of all is kept, however old it is, and must not be one of the audit.
        go, waiting = tmp_path / "go", tmp_path / "waiting.py"
        waiting.write_text(WAITING)
        pid = server.run(str(waiting), str(go))
        until(lambda: server.get("/audit", limit=1)[0]["status"] == 200)
        go.touch()
        server.ended(pid)
        noted = _verified(server).head
    _change(server, f"UPDATE messages SET time = time - {400 * DAY}")
    with serving(tmp_path / "state") as server:
        _work(server)
        until(lambda: server.get("/audit/records", limit=1)["anchor"]["n"] == 10)
        found = _verified(server, noted)
        assert found.unbroken, found
        assert (found.removed, found.records) == (10, 6)
        done = _oet(server)
        assert "Those up to number 10 are not there: they were too old, or" in done.stdout
        assert server.get("/audit/verdict")["unbroken"]


def test_a_full_disk_delays_records_and_breaks_nothing(new_server: Server) -> None:
    blocker = sqlite3.connect(new_server.state / "journal.db", timeout=20, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")  # as long as this lasts the journal cannot be written
    answers = [new_server.put(4711, state="STOPPED").status_code for _ in range(2)]
    blocker.rollback()
    blocker.close()
    assert answers == [404, 404]
    until(lambda: len(new_server.get("/audit", result="refused")) == 2)
    assert _verified(new_server).unbroken


@pytest.mark.parametrize("query", [{"after": -1}, {"limit": 0}, {"limit": 201}, {"after": "x"}])
def test_what_cannot_be_asked_is_refused(server: Server, query: dict[str, Any]) -> None:
    assert server.request("GET", "/audit/records", params=query).status_code == 422


def test_a_head_that_is_none_is_refused_before_anything_is_asked(server: Server) -> None:
    with pytest.raises(InvalidRequestError, match="64 hexadecimal digits"):
        _verified(server, "1:xyz")

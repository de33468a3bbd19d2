"""The audit leaves the machine as it happens; a receiver that is away holds up nothing and misses nothing."""

from __future__ import annotations

import contextlib
import itertools
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet_client import OETClient

from ..conftest import Server, serving, until
from ..support.scraping import number, until_number
from .receivers import Collector, Record, SyslogReceiver, certificate

pytestmark = pytest.mark.timeout(180)

KINDS = ("tcp", "tls", "udp", "unix", "otlp")


def _made(kind: str, place: Path) -> tuple[Any, dict[str, str]]:
    """A receiver, and the settings that have the audit sent there."""
    if kind == "otlp":
        collector = Collector()
        return collector, {"OET_AUDIT_OTLP": collector.url}
    pem = certificate(place) if kind == "tls" else None
    receiver = SyslogReceiver(kind, place, pem)
    authorities = {"OET_AUDIT_SYSLOG_CA": str(pem)} if pem is not None else {}
    return receiver, {"OET_AUDIT_SYSLOG": receiver.url, **authorities}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sent(kind: str, tmp_path: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    receiver, settings = _made(kind, tmp_path)
    yield receiver, settings
    receiver.close()


def _command(server: Server, n: int = 1) -> None:
    """Ask for things that are refused: two records each."""
    for pid in range(4711, 4711 + n):
        assert server.put(pid, state="STOPPED").status_code == 404


def _all(n: int) -> Any:
    return lambda records: {record["n"] for record in records} >= set(range(1, n + 1))


def _require_chain(records: list[Record]) -> None:
    """They came in order, each names the one before it, and what came twice is the same."""
    first_seen: dict[int, Record] = {}
    for record in records:
        known = first_seen.setdefault(record["n"], record)
        assert known["hash"] == record["hash"]
    numbers = list(first_seen)
    assert numbers == sorted(numbers)
    for one, other in itertools.pairwise(first_seen.values()):
        assert (other["n"], other["previous"]) == (one["n"] + 1, one["hash"])


def test_each_record_is_received_as_it_happens_and_can_be_verified_there(
    sent: tuple[Any, dict[str, str]], kind: str, tmp_path: Path
) -> None:
    receiver, settings = sent
    with serving(tmp_path / "state", **settings) as server:
        began = time.time()
        body = {"script": {"script_type": "x"}, "password": "hunter2", "note": "é\u2028"}
        assert server.request("POST", "/procedures", json=body).status_code == 422
        records = receiver.wait(_all(2))
        assert time.time() - began < 10
        command, answer = records[:2]
        assert (command["topic"], answer["topic"]) == ("audit.command", "audit.result")
        assert (command["payload"]["method"], command["payload"]["path"]) == ("POST", "/procedures")
        assert answer["payload"]["status"] == 422
        assert answer["payload"]["command"] == command["message"]
        assert "hunter2" not in str(records)
        _command(server, 150)  # more than are sent at once
        records = receiver.wait(_all(302))
        _require_chain(records)
        with OETClient(server.url) as client:
            found = client.verify_audit(f"{records[-1]['n']}:{records[-1]['hash']}")
        assert (found.unbroken, found.records) == (True, 302)
        until_number(server, 0, "oet_audit_waiting", target=kind if kind == "otlp" else "syslog")
        assert server.get("/status")["stores"]["audit_export"] == "ok"
    if kind == "otlp":
        assert receiver.about["service.name"] == "ska-oso-oet"
        assert receiver.about["oet.subarray"] == "1"
        assert (command["severity"], answer["severity"]) == ("INFO", "WARN")
        assert abs(command["at"] / 1e9 - command["time"]) < 1e-3
    else:
        assert (command["priority"], answer["priority"]) == (13 * 8 + 5, 13 * 8 + 4)
        assert command["host"] == socket.gethostname()


def test_a_receiver_that_was_away_gets_what_it_missed_and_one_line_says_so(
    sent: tuple[Any, dict[str, str]], kind: str, tmp_path: Path
) -> None:
    receiver, settings = sent
    with serving(tmp_path / "state", **settings) as server:
        _command(server)
        receiver.wait(_all(2))
        receiver.close()
        pid = server.run("diehard.py", "sleeping")
        began = time.monotonic()
        assert server.stop_script(pid)["survivors"] == 0
        assert time.monotonic() - began < 2
        until(lambda: server.get("/status")["stores"]["audit_export"].startswith("away: "))
        name = kind if kind == "otlp" else "syslog"
        until(lambda: (number(server, "oet_audit_waiting", target=name) or 0) >= 6)
        receiver.listen()
        records = receiver.wait(_all(8))
        _require_chain(records)
        until(lambda: server.get("/status")["stores"]["audit_export"] == "ok")
        log = server.log.read_text()
    assert log.count("Cannot send the audit to ") == 1
    assert log.count("late records of the audit to ") == 1


@pytest.mark.parametrize("kind", ["unix", "otlp"], indirect=True)  # the position is kept alike for all
def test_over_crashes_of_the_bus_and_restarts_of_the_server_nothing_is_lost(
    sent: tuple[Any, dict[str, str]], tmp_path: Path
) -> None:
    receiver, settings = sent
    with serving(tmp_path / "state", **settings) as server:
        _command(server)
        receiver.close()
        _command(server)
        server.kill("bus")
        server.ready()
        _command(server)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 8
    receiver.listen()
    with serving(tmp_path / "state", **settings) as server:
        receiver.wait(_all(6))
        server.kill("bus")
        server.ready()
        _command(server)
        _require_chain(receiver.wait(_all(8)))
        count = len(receiver.records)
        server.stop()
    with serving(tmp_path / "state", **settings) as server:
        _command(server)
        receiver.wait(_all(10))
        assert len(receiver.records) - count <= 8  # it goes on where it was
        assert server.stop() == 0
    assert receiver.numbers() == list(range(1, 11))


def test_the_last_records_are_sent_before_the_server_ends(tmp_path: Path) -> None:
    receiver, settings = _made("tcp", tmp_path)
    with serving(tmp_path / "state", **settings) as server:
        receiver.wait(lambda _: True)
        _command(server, 3)
        assert server.stop() == 0
    assert receiver.numbers() == list(range(1, 7))
    receiver.close()


def test_what_was_recorded_before_it_was_switched_on_is_not_sent(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        _command(server)
    receiver, settings = _made("tcp", tmp_path)
    with serving(tmp_path / "state", **settings) as server:
        _command(server)
        receiver.wait(lambda records: len(records) == 2)
    assert receiver.numbers() == [3, 4]
    receiver.close()


def test_both_can_be_had_at_once(tmp_path: Path) -> None:
    syslog, settings = _made("udp", tmp_path)
    collector, more = _made("otlp", tmp_path)
    more["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=Bearer%20x"
    with serving(tmp_path / "state", **settings, **more) as server:
        collector.status = 503
        _command(server)
        syslog.wait(_all(2))
        assert "otlp" not in str(syslog.records)
        collector.status = 200
        collector.wait(_all(2))
        assert {headers["authorization"] for headers in collector.headers} == {"Bearer x"}
        assert "Bearer x" not in server.log.read_text()
    syslog.close()
    collector.close()


@pytest.mark.parametrize("kind", ["tcp", "otlp"])
def test_a_receiver_that_takes_the_connection_and_nothing_else_holds_up_nothing(
    kind: str, tmp_path: Path
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        name, scheme = ("OET_AUDIT_SYSLOG", "tcp") if kind == "tcp" else ("OET_AUDIT_OTLP", "http")
        with serving(tmp_path / "state", **{name: f"{scheme}://127.0.0.1:{port}"}) as server:
            slowest = 0.0
            for _ in range(20):
                began = time.monotonic()
                _command(server)
                slowest = max(slowest, time.monotonic() - began)
            assert slowest < 1
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 8


def test_what_a_receiver_had_not_read_when_it_was_killed_is_sent_again(tmp_path: Path) -> None:
    """Its kernel has confirmed what it never read."""
    receiver, settings = _made("tcp", tmp_path)
    port = receiver._port
    receiver.close()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deaf.bind(("127.0.0.1", port))
    deaf.listen()
    with serving(tmp_path / "state", **settings) as server:
        _command(server)
        connection, _ = deaf.accept()
        assert connection.recv(1, socket.MSG_PEEK)  # it has arrived in this machine
        connection.close()
        deaf.close()
        receiver.listen()
        receiver.wait(_all(2))
    receiver.close()


@pytest.mark.parametrize("wrong", ["another authority", "another name"])
def test_a_receiver_that_cannot_show_who_it_is_gets_nothing(wrong: str, tmp_path: Path) -> None:
    place = tmp_path / "other"
    place.mkdir()
    pem = certificate(place, "localhost" if wrong == "another authority" else "elsewhere")
    receiver = SyslogReceiver("tls", tmp_path, pem)
    trusted = certificate(tmp_path) if wrong == "another authority" else pem
    settings = {"OET_AUDIT_SYSLOG": receiver.url, "OET_AUDIT_SYSLOG_CA": str(trusted)}
    with serving(tmp_path / "state", **settings) as server:
        _command(server)
        until(lambda: "certificate verify failed" in str(server.get("/status")["stores"]["audit_export"]))
    assert receiver.records == []
    receiver.close()


def test_records_that_became_too_old_before_they_could_be_sent_are_counted(tmp_path: Path) -> None:
    receiver, settings = _made("tcp", tmp_path)
    receiver.close()
    with serving(tmp_path / "state", **settings) as server:
        _command(server, 2)
        server.ended(server.run("trivial.py"))
    _make_old(tmp_path / "state")
    with serving(tmp_path / "state", **settings) as server:
        until(lambda: server.get("/audit/records", limit=1)["anchor"]["n"] == 8)
        receiver.listen()
        _command(server)
        receiver.wait(lambda records: len(records) >= 2, 60)
        assert number(server, "oet_audit_missed_total", target="syslog") == 8
        assert "Lost 8 records of the audit for " in server.log.read_text()
    assert receiver.numbers() == [9, 10]
    receiver.close()


def _make_old(state: Path) -> None:
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as database, database:
        database.execute(f"UPDATE messages SET time = time - {400 * 86400.0}")

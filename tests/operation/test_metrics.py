"""What a real server measures: true to what happens, whatever is killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from ska_oso_oet.telemetry.metrics.catalogue import CATALOGUE

from ..auth.conftest import guarded, log_in
from ..conftest import Events, Server, serving, until
from ..support.issuer import Issuer
from ..support.scraping import counts, families, number, numbers, root, series, text, until_number

FLOOD = """
from pubsub import pub

def main(count):
    for n in range(count):
        pub.sendMessage("user.script.flood", n=n, text="x" * 200_000)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two processes that answer requests, and an audit that nobody receives."""
    settings = {"OET_WEB_WORKERS": "2", "OET_AUDIT_SYSLOG": "udp://localhost:9"}
    with serving(tmp_path_factory.mktemp("oet") / "state", **settings) as found:
        yield found


def web_workers(server: Server) -> list[psutil.Process]:
    return server.worker("rest").children()


def test_every_metric_is_shown_with_the_subarray_and_no_other_is(server: Server) -> None:
    server.ended(server.run("trivial.py"))
    server.stop_script(server.create("trivial.py"))
    until_number(server, 0, "oet_drained")
    shown = families(server)
    assert set(shown) == {*(name.removesuffix("_total") for name in CATALOGUE), "oet_build_info"}
    assert [name for name, family in shown.items() if not family.samples] == []
    numbers(server)  # checks the label


def test_procedures_are_counted_by_state_and_outcome(server: Server) -> None:
    finished = {
        ("COMPLETE", "completed"): ("trivial.py",),
        ("FAILED", "script_error"): ("endings.py", "raise"),
        ("FAILED", "load_error"): ("no_main.py",),
    }
    before = {key: _finished(server, *key) for key in finished}
    for script, *args in finished.values():
        if script == "no_main.py":
            server.ended(server.create(script))
        else:
            server.ended(server.run(script, *args))
    assert {key: _finished(server, *key) for key in finished} == {k: n + 1 for k, n in before.items()}
    pid = server.run("diehard.py", "sleeping")
    until_number(server, 1, "oet_procedures", state="RUNNING")
    server.stop_script(pid)
    until_number(server, 0, "oet_procedures", state="RUNNING")
    listed = [p["state"] for p in server.get("/procedures")]
    until_number(server, listed.count("STOPPED"), "oet_procedures", state="STOPPED")


def _finished(server: Server, state: str, reason: str) -> float:
    return number(server, "oet_procedures_finished_total", state=state, reason=reason) or 0


def test_the_length_of_phases_and_stops_is_measured(server: Server) -> None:
    before = numbers(server)
    pid = server.run("diehard.py", "sleeping")
    server.stop_script(pid)
    after = numbers(server)
    loading = ("oet_procedure_phase_seconds_count", frozenset({("phase", "LOADING")}))
    running = ("oet_procedure_phase_seconds_count", frozenset({("phase", "RUNNING")}))
    stops = ("oet_stop_seconds_count", frozenset())
    taken = ("oet_stop_seconds_sum", frozenset())
    assert [after[key] - before.get(key, 0) for key in (loading, running, stops)] == [1, 1, 1]
    history = dict(reversed(server.procedure(pid)["history"]["process_states"]))
    assert 0 < after[taken] - before[taken] < history["STOPPED"] - history["CREATING"] + 60
    assert after["oet_stop_survivors_total", frozenset()] == 0


def test_requests_are_measured_by_route_not_by_path(server: Server) -> None:
    for n in range(5):
        server.request("GET", f"/procedures/{7000 + n}")
        server.request("GET", f"/rubbish/{n}?q={n}")
        requests.get(f"{root(server)}/rubbish-{n}", timeout=20)
        requests.request(f"RUBBISH{n}", f"{server.url}/procedures", timeout=20)
    name = "oet_http_request_seconds_count"
    one = "/procedures/{procedure_id}"
    assert (number(server, name, route=one, method="GET", status="4xx") or 0) >= 5
    assert (number(server, name, route="other", method="GET", status="4xx") or 0) >= 10
    assert (number(server, name, route="other", method="other", status="4xx") or 0) >= 5
    shown = series(server, name)
    assert not [labels for labels in shown if "7000" in str(labels) or "ubbish" in str(labels)]
    routes = {labels["route"] for labels in shown}
    assert all(route.startswith("/") or route == "other" for route in routes)
    assert {labels["status"] for labels in shown} <= {"2xx", "3xx", "4xx", "5xx"}


def test_counts_neither_go_back_nor_double_when_workers_are_killed(server: Server) -> None:
    server.ended(server.run("trivial.py"))
    _ask(server, 20)
    before = numbers(server)
    asked = before["oet_http_request_seconds_count", _AUTH]
    for role in ("ses", "bus", "activity", "rest"):
        server.kill(role)
        server.ready()
        now = numbers(server)
        gone_back = {key: (n, now.get(key)) for key, n in counts(before).items() if now.get(key, -1) < n}
        assert not gone_back, role
        before = now
    victim = web_workers(server)[0]
    victim.kill()
    victim.wait(10)
    until(lambda: len(web_workers(server)) == 2)
    server.ready()
    _ask(server, 20)
    after = numbers(server)
    assert after["oet_http_request_seconds_count", _AUTH] == asked + 20
    finished = [n for (name, _), n in after.items() if name == "oet_procedures_finished_total"]
    ended = [p for p in server.get("/procedures", all=True, limit=500) if p["outcome"]]
    assert sum(finished) == len(ended)
    restarts = {w: number(server, "oet_worker_restarts_total", worker=w) for w in ("Bus", "SESWorker")}
    assert restarts == {"Bus": 1, "SESWorker": 1}


_AUTH = frozenset({("route", "/auth"), ("method", "GET"), ("status", "2xx")})


def _ask(server: Server, times: int) -> None:
    """Ask both processes, on connections of their own."""
    for _ in range(times):
        assert requests.get(f"{server.url}/auth", timeout=20).status_code == 200


def test_the_numbers_are_the_same_whichever_process_answers(server: Server) -> None:
    server.ready()
    name = "oet_procedures_finished_total"
    told = {str(sorted((k, n) for k, n in _once(server).items() if k[0] == name)) for _ in range(12)}
    assert len(told) == 1


def _once(server: Server) -> dict[tuple[str, str], float]:
    return {(name, str(sorted(labels))): n for (name, labels), n in numbers(server).items()}


def test_clients_of_the_stream_are_counted_over_all_processes(server: Server) -> None:
    until_number(server, 0, "oet_stream_clients")
    listeners = [Events(server) for _ in range(6)]
    until_number(server, 6, "oet_stream_clients")
    for listener in listeners:
        listener.close()
    until_number(server, 0, "oet_stream_clients")


def test_clients_that_read_too_slowly_are_counted(server: Server, tmp_path: Path) -> None:
    (tmp_path / "flood.py").write_text(FLOOD)
    before = number(server, "oet_stream_dropped_total") or 0
    address = urllib.parse.urlsplit(server.url)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect((address.hostname, address.port))
    slow.sendall(f"GET {address.path}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert slow.recv(15) == b"HTTP/1.1 200 OK"
    server.run(str(tmp_path / "flood.py"), 60)
    until_number(server, before + 1, "oet_stream_dropped_total")
    slow.close()


def test_a_drained_server_says_so(server: Server) -> None:
    server.request("POST", "/drain", json={})
    until_number(server, 1, "oet_drained")
    server.request("POST", "/resume", json={})
    until_number(server, 0, "oet_drained")


def test_the_bus_and_the_journal_are_measured(server: Server) -> None:
    server.ended(server.run("trivial.py"))
    found = numbers(server)
    for worker in ("FlaskWorker", "SESWorker", "ActivityWorker"):
        label = frozenset({("worker", worker)})
        assert found["oet_bus_delivery_seconds_count", label] > 0
        assert found["oet_event_loop_lag_seconds_count", label] > 0
        assert found["oet_bus_backlog_bytes", label] >= 0
    assert found["oet_journal_unwritten_messages", frozenset()] == 0
    written = found["oet_journal_written_total", frozenset()]
    until(lambda: number(server, "oet_journal_messages") == number(server, "oet_journal_written_total"))
    assert found["oet_journal_write_seconds_count", frozenset()] <= written
    size = sum(os.stat(server.state / f"journal.db{end}").st_size for end in ("", "-wal"))
    assert 0 < found["oet_journal_bytes", frozenset()] <= size * 2
    assert found["oet_state_disk_free_bytes", frozenset()] > 0
    until_number(server, 1, "oet_warm_interpreters")
    assert number(server, "oet_warm_interpreters_target") == 1


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("text/html", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0; q=0.5, */*; q=0.1", "application/openmetrics-text"),
        ("application/openmetrics-text; version=rubbish", "application/openmetrics-text"),
    ],
)
def test_the_format_is_the_one_asked_for(server: Server, accept: str | None, kind: str) -> None:
    answer = requests.get(f"{root(server)}/metrics", headers={"Accept": accept}, timeout=20)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.text.endswith("# EOF\n") is kind.startswith("application")


def test_it_is_at_the_root_only(server: Server) -> None:
    assert server.request("GET", "/metrics").status_code == 404
    assert requests.get(f"{root(server)}/metrics/", timeout=20).status_code == 200
    assert requests.post(f"{root(server)}/metrics", timeout=20).status_code == 405


@pytest.mark.parametrize(
    "spelling",
    ["//metrics", "/%2fmetrics", "%2fmetrics", "%2F%2Fmetrics", "///metrics//", "/metrics/", "/./metrics"]
    + ["/%2e/metrics", "/x/../metrics", "/%6detrics", "/metrics%2f", "//%2f/metrics", "//../metrics"],
)
def test_no_spelling_of_its_path_leads_there_from_below_the_address_of_a_subarray(
    proxied: Server, spelling: str
) -> None:
    for base in ("/ska-mid/oet/1/api/v1", "/ska-mid/oet/api/v1", "//ska-mid/oet/1/api/v1"):
        for headers in ({}, {"X-Forwarded-Prefix": "/telescope"}):
            assert _status(proxied, f"{base}{spelling}", headers) == 404, (base, headers)


def test_slashes_too_many_change_nothing_of_what_may_be_reached(proxied: Server) -> None:
    for path in ("//livez", "/%2fprocedures", "///procedures/"):
        assert _status(proxied, f"/ska-mid/oet/1/api/v1{path}", {}) == 200
    assert _status(proxied, "//metrics", {}) == 404
    assert _status(proxied, "/metrics//", {}) == 200


def _status(server: Server, path: str, headers: dict[str, str]) -> int:
    """What is answered to a path that nobody has tidied on its way."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in a namespace of its own, that believes the proxy before it."""
    settings = {"KUBE_NAMESPACE": "ska-mid", "OET_TRUSTED_PROXIES": "127.0.0.1"}
    with serving(tmp_path_factory.mktemp("oet") / "state", **settings) as found:
        yield found


def test_nobody_need_say_who_asks_and_nobody_is_named(tmp_path: Path) -> None:
    issuer = Issuer().start()
    try:
        with guarded(tmp_path / "state", issuer, OET_SUBARRAY_ID="7") as server:
            log_in(server, issuer, sub="a-known-user")
            server.ended(server.run("endings.py", "raise"))
            shown = text(server)
            assert "a-known-user" not in shown
            assert "endings" not in shown
            assert 'oet_build_info{subarray="7",version=' in shown
    finally:
        issuer.stop()


def test_a_worker_that_is_away_is_measured_no_more_and_the_others_are(server: Server) -> None:
    server.ready()
    victim = server.worker("bus")
    victim.suspend()
    with contextlib.closing(http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc)) as direct:
        direct.request("GET", "/metrics")
        assert direct.getresponse().status == 200
    victim.kill()
    server.ready()

"""A server that demands tokens, when things go wrong around it, and what is on record afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ..conftest import Events, Server, until
from .conftest import bearer, guarded, log_in, status
from .issuer import AUDIENCE, Issuer

WAITS = "import time\ndef main():\n    while True:\n        time.sleep(0.01)\n"


@pytest.fixture
def own_issuer() -> Iterator[Issuer]:
    found = Issuer().start()
    yield found
    found.stop()


@pytest.fixture
def waiting(tmp_path: Path) -> str:
    path = tmp_path / "waits.py"
    path.write_text(WAITS)
    return str(path)


def test_with_the_provider_away_known_keys_go_on_working_and_a_stop_is_not_delayed(
    own_issuer: Issuer, tmp_path: Path, waiting: str
) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer)
        pid = server.run(waiting)
        server.wait_state(pid, "RUNNING")
        own_issuer.slow()
        stranger = own_issuer.token(scope="oet:execute", headers={"kid": "unknown"})
        assert status(server, stranger) == 401
        assert server.stop_script(pid)["survivors"] == 0
        own_issuer.stop()
        assert status(server, stranger) == 401
        assert server.get("/procedures")[0]["state"] == "STOPPED"


def test_a_provider_that_was_never_reached_is_503_and_then_tokens_work(
    own_issuer: Issuer, tmp_path: Path
) -> None:
    own_issuer.stop()
    with guarded(tmp_path / "state", own_issuer) as server:
        token = own_issuer.token(scope="oet:read")
        assert status(server, token) == 503
        assert status(server, "rubbish") == 401
        own_issuer.start()
        until(lambda: status(server, token) == 200)


def test_tokens_of_two_issuers_are_accepted_at_once(
    own_issuer: Issuer, issuer: Issuer, tmp_path: Path
) -> None:
    with guarded(tmp_path / "state", own_issuer, issuer) as server:
        for one, other in ((own_issuer, issuer), (issuer, own_issuer)):
            assert status(server, one.token(scope="oet:read")) == 200
            forged = one.token(scope="oet:read", key=other.key, headers={"kid": other.kid})
            assert status(server, forged) == 401


@pytest.mark.parametrize("path", ["/stream", "/procedures/{pid}/output?follow=true"])
def test_a_stream_ends_when_its_token_expires(
    own_issuer: Issuer, tmp_path: Path, waiting: str, path: str
) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer)
        pid = server.run(waiting)
        headers = bearer(own_issuer.token(scope="oet:read", exp=time.time() + 1.5))
        address = f"{server.url}{path.format(pid=pid)}"
        with requests.get(
            address, headers={**headers, "Accept": "text/event-stream"}, stream=True, timeout=20
        ) as stream:
            assert stream.status_code == 200
            said = b"".join(stream.iter_content(None))
        assert said.endswith(b": the token has expired\n\n")
        server.stop_script(pid)


def test_who_asked_is_known_for_procedures_activities_and_ends(
    own_issuer: Issuer, tmp_path: Path, waiting: str
) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer, sub="jo")
        pid = server.run(waiting)
        server.put(4711, state="STOPPED")
        log_in(server, own_issuer, sub="kim")
        server.stop_script(pid)
        found = server.procedure(pid)
        assert (found["created_by"], found["outcome"]["by"]) == ("jo", "kim")
        assert "user:jo" in server.log.read_text()


# -- audit -----------------------------------------------------------------------------------------------


def audit(server: Server, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get("/audit", **query)
    return found


def test_the_audit_tells_every_command_carried_out_or_refused_over_a_crash(
    own_issuer: Issuer, tmp_path: Path, waiting: str
) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer, sub="jo", name="Jo Smith")
        pid = server.run(waiting)
        server.request("PUT", "/procedures/4711", json={"state": "STOPPED"})
        server.request("POST", "/procedures", data=b"{", headers={"Content-Type": "application/json"})
        reader = bearer(own_issuer.token(sub="reader", scope="oet:read"))
        requests.put(f"{server.url}/procedures/{pid}", json={"state": "STOPPED"}, headers=reader, timeout=20)
        requests.get(f"{server.url}/procedures", timeout=20)
        server.kill("rest")
        server.ready()
        server.stop_script(pid)
        until(lambda: audit(server)[0]["status"] == 200)
        told = [(e["user"], e["method"], e["path"].split("/")[-1], e["status"]) for e in audit(server)]
        assert told[::-1] == [
            ("jo", "POST", "procedures", 201),
            ("jo", "PUT", str(pid), 200),
            ("jo", "PUT", "4711", 404),
            ("jo", "POST", "procedures", 400),
            ("reader", "PUT", str(pid), 403),
            (None, "GET", "procedures", 401),
            ("jo", "PUT", str(pid), 200),
        ]
        first = audit(server)[-1]
        assert (first["name"], first["address"]) == ("Jo Smith", "127.0.0.1")
        assert "waits.py" in first["what"]
        assert [e["status"] for e in audit(server, result="refused")] == [401, 403, 400, 404]
        assert {e["user"] for e in audit(server, user="reader")} == {"reader"}
        assert audit(server, since=time.time() + 60) == []
        page = audit(server, limit=2)
        assert audit(server, before=page[-1]["id"]) == audit(server)[2:]


def test_a_command_whose_server_was_killed_is_on_record_without_an_answer(
    own_issuer: Issuer, tmp_path: Path
) -> None:
    script = tmp_path / "diehard.py"
    script.write_text(
        "import signal, time\n"
        "def main():\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    time.sleep(60)\n"
    )
    with guarded(tmp_path / "state", own_issuer, OET_STOP_GRACE="3 s") as server:
        log_in(server, own_issuer)
        pid = server.run(str(script))
        events = Events(server, topics="procedure.lifecycle")
        address = urllib.parse.urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port)) as client:
            body = b'{"state": "STOPPED"}'
            head = (
                f"PUT {address.path}/procedures/{pid} HTTP/1.1\r\nHost: oet\r\n"
                f"Authorization: {server.session.headers['Authorization']!s}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            client.sendall(head.encode() + body)
            events.wait(lambda e: e["topic"] == "procedure.lifecycle.stopping")
            server.kill("rest")
        server.ready()
        newest = audit(server)[0]
        assert (newest["method"], newest["status"], newest["detail"]) == ("PUT", None, "no answer given")
        assert audit(server, result="unanswered") == [newest]
        assert server.ended(pid)["state"] == "STOPPED"


def test_no_token_is_ever_written_anywhere(own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", own_issuer, LOG_LEVEL="DEBUG") as server:
        good = own_issuer.token(scope="oet:execute")
        bad = own_issuer.token(scope="oet:execute", exp=time.time() - 5)
        server.session.headers.update(bearer(good))
        pid = server.run("trivial.py")
        server.ended(pid)
        for method, path in (("GET", "/procedures"), ("POST", "/procedures"), ("GET", f"/{good}")):
            for token in (good, bad):
                requests.request(
                    method, f"{server.url}{path}?token={token}", headers=bearer(token), timeout=20
                )
        server.request("POST", "/procedures", json={"script": {}, "token": good})
        server.get("/audit")
        server.stop()
        files = [server.log, *(path for path in server.state.rglob("*") if path.is_file())]
        secrets = [token.split(".")[2].encode() for token in (good, bad)]
        for path in files:
            assert not any(secret in path.read_bytes() for secret in secrets), path


# -- safe defaults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"OET_HOST": "0.0.0.0"}, "OET_AUTH"),
        (
            {"OET_AUTH": "off", "OET_AUTH_ISSUER": "https://a.example", "OET_AUTH_AUDIENCE": "x"},
            "OET_AUTH=off contradicts OET_AUTH_ISSUER",
        ),
        ({"OET_AUTH_ISSUER": "https://a.example"}, "OET_AUTH_AUDIENCE must be set"),
        ({"OET_AUTH_ISSUER": "http://a.example", "OET_AUTH_AUDIENCE": "x"}, "OET_AUTH_ISSUER"),
        ({"OET_AUTH_READ": "everybody"}, "neither scope:NAME nor role:NAME"),
    ],
)
def test_what_is_not_safe_does_not_start(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    server = Server(tmp_path / "state", **settings)
    done = subprocess.run(
        [sys.executable, "-m", "ska_oso_oet.server"],
        env={**os.environ, **server.settings},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_how_to_log_in_is_told_to_everybody(own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", own_issuer, OET_AUTH_CLIENT_ID="oet-cli") as server:
        told = requests.get(f"{server.url}/auth", timeout=20).json()
        assert told == {
            "required": True,
            "issuer": own_issuer.url,
            "client_id": "oet-cli",
            "scopes": "openid profile offline_access oet:read oet:execute",
            "audience": AUDIENCE,
        }


def test_slow_connections_stand_in_nobodys_way(own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer)
        port = int(server.url.split(":")[2].split("/")[0])
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
        try:
            for n, client in enumerate(clients):
                client.sendall(b"POST /ska-oso-oet/oet/1/api/v1/procedures HTTP/1.1\r\nHost: oet\r\n")
                if n % 2:
                    client.sendall(b"Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n{")
            for _ in range(5):
                assert server.request("GET", "/procedures").status_code == 200
        finally:
            for client in clients:
                client.close()

"""Safe defaults: what is served to whom, and what does not start."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from ..conftest import Server, serving
from ..support.issuer import Issuer
from .conftest import guarded, log_in

ISSUER = {"OET_AUTH_ISSUER": "https://issuer.example", "OET_AUTH_AUDIENCE": "oet"}


def _start(tmp_path: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *(words or ("-m", "ska_oso_oet.server"))],
        env={**os.environ, "OET_STATE_DIR": str(tmp_path / "state"), "OET_PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"OET_AUTH": "off", **ISSUER}, "OET_AUTH=off contradicts OET_AUTH_ISSUER"),
        ({"OET_AUTH_ISSUER": "https://issuer.example"}, "OET_AUTH_AUDIENCE must be set"),
        ({**ISSUER, "OET_AUTH_ISSUER": "http://issuer.example"}, "OET_AUTH_ISSUER"),
        ({"OET_AUTH_READ": "everybody"}, "neither scope:NAME nor role:NAME"),
    ],
)
def test_what_is_not_safe_does_not_start_and_says_why_in_one_line(
    tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    found = _start(tmp_path, **settings)
    assert found.returncode == 1
    assert sentence in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_where_everybody_is_served_any_name_will_do(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_AUTH="off") as server:
        assert server.request("GET", "/procedures", headers={"Host": "oet.example"}).status_code == 200


def test_with_an_issuer_any_address_may_be_listened_on(own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", own_issuer, OET_HOST="0.0.0.0") as server:
        assert requests.get(f"{server.url}/procedures", timeout=20).status_code == 401


def test_a_route_that_declares_no_permission_stops_the_server_at_its_start(tmp_path: Path) -> None:
    program = (
        "from ska_oso_oet.web.views import health\n"
        "@health.api.get('/forgotten', summary='', responses={})\n"
        "def forgotten():\n    return ''\n"
        "from ska_oso_oet.server import main\n"
        "main(['rest'])\n"
    )
    found = _start(tmp_path, "-c", program)
    assert found.returncode == 78  # the arbiter then gives up, instead of starting it again
    assert "the route /forgotten does not say which permission it needs" in found.stderr
    assert found.stderr.splitlines()[-1].startswith("oet-server: the web application cannot be created")


def test_slow_connections_of_every_kind_leave_rest_answering(own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        log_in(server, own_issuer)
        pid = server.run("diehard.py", "sleeping")
        beginnings = _beginnings(server, own_issuer.token(scope="oet:execute"))
        address = ("127.0.0.1", int(server.url.split(":")[2].split("/")[0]))
        with contextlib.ExitStack() as stack:
            for n in range(64):
                client = stack.enter_context(socket.create_connection(address))
                client.sendall(beginnings[n % len(beginnings)])
            began = time.monotonic()
            server.stop_script(pid)
            assert time.monotonic() - began < 3
            for _ in range(20):
                server.get("/procedures")
            assert time.monotonic() - began < 5


def _beginnings(server: Server, token: str) -> list[bytes]:
    """How requests begin that could be good ones."""
    head = f"POST {server.url[server.url.index('/ska') :]}/procedures HTTP/1.1\r\nHost: a\r\n".encode()
    head += f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n".encode()
    return [
        b"",
        head,
        head + b"Content-Length: 100\r\n\r\n{",
        head + b"Content-Length: 500000\r\n\r\n{" + b" " * 70_000,
        head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n",
        head + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
    ]


@pytest.mark.long
def test_a_client_that_drips_gets_an_answer_and_no_more_time(own_issuer: Issuer, tmp_path: Path) -> None:
    with guarded(tmp_path / "state", own_issuer) as server:
        address = ("127.0.0.1", int(server.url.split(":")[2].split("/")[0]))
        began = time.monotonic()
        with socket.create_connection(address) as client:
            client.sendall(_beginnings(server, own_issuer.token(scope="oet:execute"))[4])
            client.settimeout(0.3)
            while True:
                try:
                    answered = client.recv(1000)
                    break
                except TimeoutError:
                    client.sendall(b"1\r\n \r\n")
                    assert time.monotonic() - began < 22
        assert answered.startswith(b"HTTP/1.1 400")

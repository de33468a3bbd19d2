"""While FlaskWorker cannot be had, requests are answered, and not left waiting."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from ..conftest import Server, serving, until
from ..support.terminals import Terminal

#: Python runs this before anything else: as long as the file is there, no FlaskWorker starts.
_HINDRANCE = """
import os, sys
class Hindrance:
    def find_spec(name, path, target=None):
        if name == "ska_oso_oet.workers.rest" and os.path.exists({flag!r}):
            os._exit(1)
sys.meta_path.insert(0, Hindrance)
"""


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """As long as this file is there, FlaskWorker cannot start."""
    return tmp_path / "hindered"


@pytest.fixture
def server(tmp_path: Path, flag: Path) -> Iterator[Server]:
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "sitecustomize.py").write_text(_HINDRANCE.format(flag=str(flag)))
    paths = (str(tmp_path / "early"), os.environ.get("PYTHONPATH"))
    with serving(tmp_path / "state", PYTHONPATH=os.pathsep.join(filter(None, paths))) as found:
        yield found


def absent(server: Server, flag: Path) -> None:
    flag.touch()
    server.kill("rest")


def test_requests_are_answered_503_until_it_is_there_again(server: Server, flag: Path) -> None:
    pid = server.run("diehard.py", "sleeping")
    absent(server, flag)
    # The first waits until FlaskWorker counts as away, and does not wait longer.
    answer = requests.get(f"{server.url}/procedures/{pid}", timeout=10)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "FlaskWorker, which answers requests, is not there at the moment; try again soon",
    }
    body = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}, "x": "x" * 900_000}
    for method, path in (("POST", "/procedures"), ("PUT", f"/procedures/{pid}"), ("DELETE", "/x")):
        assert requests.request(method, f"{server.url}{path}", json=body, timeout=2).status_code == 503
    assert requests.head(f"{server.url}/procedures", timeout=2).status_code == 503
    assert requests.get(server.url.split("/ska-oso-oet")[0] + "/livez", timeout=2).status_code == 503
    flag.unlink()
    server.ready()
    assert server.procedure(pid)["state"] == "RUNNING"
    assert [procedure["id"] for procedure in server.get("/procedures")] == [pid]
    server.stop_script(pid)


def test_connections_that_say_nothing_keep_nobody_from_an_answer(server: Server, flag: Path) -> None:
    absent(server, flag)
    until(lambda: requests.get(server.url, timeout=10).status_code == 503)
    address = urlsplit(server.url)
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=5))
        assert requests.get(server.url, timeout=2).status_code == 503
    flag.unlink()
    server.ready()


def test_oet_waits_for_a_restart(server: Server, flag: Path) -> None:
    oet = Terminal(server)
    for _ in range(3):
        server.kill("rest")
        oet("procedure", "list")
    absent(server, flag)
    until(lambda: requests.get(server.url, timeout=10).status_code == 503)
    with oet.open("procedure", "list") as listing:
        flag.unlink()
    assert listing.returncode == 0


def test_a_server_whose_flaskworker_is_away_ends_in_order(server: Server, flag: Path) -> None:
    absent(server, flag)
    until(lambda: requests.get(server.url, timeout=10).status_code == 503)
    assert server.stop() == 0

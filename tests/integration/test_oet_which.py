"""The right procedure, and the right one of two subarrays behind one address."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ..conftest import Server, serving
from ..support.terminals import Terminal

HANGS = "import time\ndef init():\n    time.sleep(3600)\ndef main():\n    pass\n"


def behind_one_address(servers: dict[int, Server]) -> ThreadingHTTPServer:
    """An ingress: the path says which server a request is for."""

    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            subarray = int(self.path.split("/oet/")[1].split("/")[0])
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            if subarray not in servers:
                self.send_error(404)
                return
            root = servers[subarray].url.split("/ska-oso-oet")[0]
            headers = {n: v for n, v in self.headers.items() if n not in ("Host", "Connection")}
            request = urllib.request.Request(root + self.path, body, headers=headers, method=self.command)
            try:
                answer = urllib.request.urlopen(request, timeout=60)
            except urllib.error.HTTPError as refusal:
                answer = refusal
            with answer:
                content = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = _pass_on  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Terminal, dict[int, Server]]]:
    """Subarrays 1 and 2, and a terminal with the address of both that says no subarray."""
    second = {"OET_SUBARRAY_ID": "2", "OET_WARM_INTERPRETERS": "0"}
    with serving(tmp_path / "one") as one, serving(tmp_path / "two", **second) as other:
        servers = {1: one, 2: other}
        ingress = behind_one_address(servers)
        thread = threading.Thread(target=ingress.serve_forever, args=(0.01,))
        thread.start()
        terminal = Terminal(one)
        port = ingress.server_port
        terminal.environ["OET_URL"] = f"http://127.0.0.1:{port}/ska-oso-oet/oet/{{SUBARRAY_ID}}/api/v1"
        del terminal.environ["OET_SUBARRAY_ID"]
        try:
            yield terminal, servers
        finally:
            ingress.shutdown()
            thread.join()
            ingress.server_close()


def test_the_right_one_of_two_subarrays(two: tuple[Terminal, dict[int, Server]]) -> None:
    oet, servers = two
    running = {n: server.run("diehard.py", "sleeping") for n, server in servers.items()}
    rows = [line.split() for line in oet("status", "--all").splitlines()[2:]]
    assert [row[:4] for row in rows] == [[str(n), "yes", "1", "file://diehard.py"] for n in (1, 2)]

    told = oet("procedure", "list")
    assert "Subarray 1 is meant: neither --subarray_id nor OET_SUBARRAY_ID names another\n" in told
    oet.environ["OET_SUBARRAY_ID"] = "2"
    told = oet("procedure", "stop", "--no-run-abort")
    assert "Procedure 1 (file://diehard.py) is meant, which is RUNNING on subarray 2\n" in told
    assert "Procedure 1 is stopped on subarray 2\n" in told
    assert servers[2].procedure(running[2])["state"] == "STOPPED"
    assert servers[1].procedure(running[1])["state"] == "RUNNING"

    found = json.loads(oet("status", "--all=2,1", "--output=json"))
    assert [(one["subarray_id"], len(one["status"]["alive"])) for one in found] == [(1, 1), (2, 0)]


def test_a_status_tells_what_lives_and_a_stop_means_it(own_server: Server, tmp_path: Path) -> None:
    hangs = tmp_path / "hangs.py"
    hangs.write_text(HANGS)
    oet = Terminal(own_server)
    pid = own_server.create(str(hangs))
    own_server.wait_state(pid, "INITIALISING")
    waiting = own_server.create("trivial.py")
    own_server.wait_state(waiting, "READY")
    status = own_server.get("/status")
    assert status["running"] is None
    assert [found["id"] for found in status["alive"]] == [pid, waiting]
    assert f"Running         {pid}, INITIALISING" in oet("status")
    told = oet("procedure", "stop", "--no-run-abort")
    assert f"Procedure {pid} (file://{hangs}) is meant, which is INITIALISING on subarray 1" in told
    refused = oet("procedure", "stop", status=3)
    assert f"Nothing is running on subarray 1. Procedure {waiting} (file://trivial.py) waits" in refused


def test_an_impatient_stop_does_not_stop_the_abort(tmp_path: Path) -> None:
    end = tmp_path / "end.py"
    end.write_text("import time\ndef main(subarray_id):\n    time.sleep(3600)\n")
    with serving(tmp_path / "state", OET_ABORT_SCRIPT=str(end)) as server:
        oet, pid = Terminal(server), server.run("diehard.py", "sleeping")
        abort = server.stop_script(pid, abort=True)["abort_procedure"]
        told = oet("procedure", "stop", status=3)
        assert f"Nothing is running on subarray 1 but an abort, procedure {abort} (file://{end})" in told
        assert server.procedure(abort)["state"] == "RUNNING"
        assert f"Running         {abort}\n" in oet("status")
        described = oet("procedure", "describe")
        assert described.startswith("  ID  Script") and f"Procedure {pid} (" in described
        oet("procedure", "stop", str(abort), "--no-run-abort")
        assert server.procedure(abort)["state"] == "STOPPED"


def test_the_id_of_another_procedure_is_no_argument(new_server: Server) -> None:
    oet = Terminal(new_server)
    first, second = (new_server.create("trivial.py") for _ in range(2))
    for pid in (first, second):
        new_server.wait_state(pid, "READY")
    told = oet("procedure", "start", str(first), status=2)
    assert f"oet procedure start --pid={first}" in told
    assert f"oet procedure start -- {first}" in told
    assert [p["state"] for p in new_server.get("/procedures")] == ["READY", "READY"]

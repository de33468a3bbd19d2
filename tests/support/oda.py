"""The ODA's REST interface as a real server for tests: in memory, on loopback, and as bad as told."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import struct
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

BASE = "/ska-db-oda/oda/api/v1"

#: What the server may do instead of its work; any status of HTTP is one more kind.
KINDS = (
    "hang",  # takes the request and says nothing
    "drip",  # sends the body a byte at a time, for ever
    "drip_headers",  # the same with the headers
    "reset",  # resets the connection when it has the request
    "lose_answer",  # does its work, then resets the connection
    "html",  # a page for people, with status 200
    "truncated",  # half a JSON document, as if it were whole
    "short",  # less than it announced
    "huge",  # a body without end
    "rubbish",  # no HTTP at all
    "redirect",  # sends the client to another host
    "late",  # does its work once it is released
)


class Oda:
    """An ODA. It may be used from any thread; ``stop`` lets go whoever hangs in it."""

    base = BASE

    def __init__(self) -> None:
        self.instances: dict[str, dict[str, Any]] = {}  #: by sbi_id
        self.statuses: dict[str, list[dict[str, Any]]] = {}  #: every entity recorded, by sbi_id
        self.requests: list[str] = []  #: method and path below the base, in order
        self.tokens: list[str | None] = []  #: header Authorization of each of them
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.seen = threading.Condition(self.lock)
        self._blocks: dict[str, dict[int, dict[str, Any]]] = {}
        self._misbehaviours: list[tuple[str, str | None]] = []
        self._for_ever: tuple[str, str | None] | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    # -- life --------------------------------------------------------------------------------------

    def start(self, port: int = 0) -> Oda:
        self.released.clear()
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}{self.base}"
        return self

    def stop(self) -> None:
        """End; nobody listens at the port any more."""
        self.released.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    # -- what it holds -----------------------------------------------------------------------------

    def add(self, sbd: dict[str, Any], sbd_id: str | None = None) -> None:
        """Add a version of a scheduling block definition, under its own id unless told otherwise."""
        version = sbd.get("metadata", {}).get("version", 1)
        self._blocks.setdefault(sbd_id or sbd["sbd_id"], {})[version] = sbd

    def block(self, sbd_id: str, version: int | None = None) -> dict[str, Any] | None:
        """A version, by default the newest."""
        versions = self._blocks.get(sbd_id, {})
        return versions.get(version or max(versions)) if versions else None

    def work(self, method: str, path: str, token: str | None, body: bytes) -> tuple[int, Any]:
        """The status and the document of an answer."""
        path, _, query = path.partition("?")
        version = urllib.parse.parse_qs(query).get("version")
        steps = [urllib.parse.unquote(step) for step in path.split("/")[1:]]
        match method, *steps:
            case "GET", "sbds", sbd_id:
                return found(self.block(sbd_id, int(version[0]) if version else None), sbd_id)
            case "GET", "sbis", sbi_id:
                return found(self.instances.get(sbi_id), sbi_id)
            case "GET", "status", "sbis", sbi_id:
                entities = self.statuses.get(sbi_id)
                return found(entities[-1] if entities else None, sbi_id)
            case "POST", "sbis":
                return _store_instance(self, json_of(body))
            case "PUT", "status", "sbis", sbi_id:
                return _store_status(self, sbi_id, json_of(body))
        return 404, {"detail": "no such resource"}

    # -- behaviour ---------------------------------------------------------------------------------

    def misbehave(self, kind: str | int, times: int | None = None, method: str | None = None) -> None:
        """Do something else instead of the work: one of KINDS, or answer with a status.

        :param times: for how many requests; for all by default
        :param method: for requests of this method only
        """
        assert kind in KINDS or str(kind).isdigit(), kind
        if times is None:
            self._for_ever = (str(kind), method)
        else:
            self._misbehaviours += [(str(kind), method)] * times

    def behave(self) -> None:
        """Do the work from now on."""
        self._misbehaviours.clear()
        self._for_ever = None
        self.released.set()
        self.released = threading.Event()

    def next_misbehaviour(self, method: str) -> str | None:
        """What to do instead of the work with a request."""
        with self.lock:
            for planned in self._misbehaviours:
                if planned[1] in (None, method):
                    self._misbehaviours.remove(planned)
                    return planned[0]
            if self._for_ever is not None and self._for_ever[1] in (None, method):
                return self._for_ever[0]
        return None

    def wait_for_requests(self, number: int) -> None:
        """Wait until this many requests have come."""
        with self.seen:
            assert self.seen.wait_for(lambda: len(self.requests) >= number, 20), self.requests


@contextlib.contextmanager
def serving_oda() -> Iterator[Oda]:
    """An ODA for a block."""
    oda = Oda().start()
    try:
        yield oda
    finally:
        oda.stop()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], oda: Oda) -> None:
        self.oda = oda
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up in these tests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # noqa: N802
        self._handle()

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815

    def _handle(self) -> None:
        oda = self.server.oda
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, token = self.path.removeprefix(oda.base), self.headers.get("Authorization")
        with oda.seen:
            oda.requests.append(f"{self.command} {path}")
            oda.tokens.append(token)
            oda.seen.notify_all()
        instead = oda.next_misbehaviour(self.command)
        if instead == "late":
            oda.released.wait()
            instead = None
        if instead is None or instead == "lose_answer":
            with oda.lock:
                status, answer = oda.work(self.command, path, token, body)
            if instead is None:
                self._answer(status, json.dumps(answer).encode())
            else:
                self._reset()
        elif instead.isdigit():
            self._answer(int(instead), json.dumps({"detail": f"told to answer {instead}"}).encode())
        else:
            getattr(self, f"_{instead}")()

    def _answer(self, status: int, body: bytes, kind: str = "application/json", more: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) + more))
        self.end_headers()
        self.wfile.write(body)

    # -- misbehaviour ------------------------------------------------------------------------------

    def _hang(self) -> None:
        self.server.oda.released.wait()

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        self._drop_by_drop(b" ")

    def _drip_headers(self) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Drip: ")
        self._drop_by_drop(b"x")

    def _drop_by_drop(self, drop: bytes) -> None:
        while not self.server.oda.released.wait(0.02):
            self.wfile.write(drop)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.wfile.close()
        self.connection.close()

    def _html(self) -> None:
        self._answer(200, b"<html><body>It works!</body></html>", "text/html")

    def _truncated(self) -> None:
        self._answer(200, b'{"sbd_id": "sbd-1", "activ')

    def _short(self) -> None:
        self._answer(200, b'{"sbd_id": "sbd-1"', more=100)

    def _huge(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.oda.released.is_set():
            self.wfile.write(b" " * 2**20)

    def _rubbish(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")

    def _redirect(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.2:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()


def found(document: dict[str, Any] | None, identifier: str) -> tuple[int, Any]:
    return (200, document) if document else (404, {"detail": f"Not Found. {identifier} could not be found."})


def json_of(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _store_instance(oda: Oda, sbi: dict[str, Any]) -> tuple[int, Any]:
    missing = [
        name
        for name, kind in {
            "interface": str,
            "sbi_id": str,
            "sbd_ref": str,
            "sbd_version": int,
            "telescope": str,
            "activities": list,
        }.items()
        if not isinstance(sbi.get(name), kind)
    ]
    if missing or not str(sbi["interface"]).endswith("/ska-oso-pdm-sbi/0.1"):
        return 422, {"detail": f"Validation failed: {', '.join(missing) or 'interface'}"}
    if sbi["sbi_id"] in oda.instances:
        return 409, {"detail": f"{sbi['sbi_id']} exists"}
    oda.instances[sbi["sbi_id"]] = sbi
    return 200, sbi


def _store_status(oda: Oda, sbi_id: str, entity: dict[str, Any]) -> tuple[int, Any]:
    known = {"Created", "Executing", "Observed", "Failed"}
    if (
        entity.get("sbi_ref") != sbi_id
        or not {entity.get("current_status"), entity.get("previous_status")} <= known
    ):
        return 422, {"detail": "Validation failed"}
    if sbi_id not in oda.instances:
        return 404, {"detail": f"Not Found. {sbi_id} could not be found."}
    oda.statuses.setdefault(sbi_id, []).append(entity)
    return 200, entity

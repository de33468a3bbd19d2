"""Receivers for the audit on loopback: of syslog in all its ways, and a collector of OpenTelemetry."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

Record = dict[str, Any]

#: RFC 5424: priority, version, time, host, application, process, message id, structured data, message.
_SYSLOG = re.compile(
    r"<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+) oet (\d+) (\S+) "
    r'\[oet@32473 subarray="(\d+)" n="(\d+)" hash="([0-9a-f]{64})"\] (\{.*\})'
)


class Receiver:
    """What was received, in its order."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._changed = threading.Condition()

    def take(self, *records: Record) -> None:
        with self._changed:
            self.records += records
            self._changed.notify_all()

    def wait(self, true: Callable[[list[Record]], bool], seconds: float = 30) -> list[Record]:
        """What was received, once that is enough."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not true(self.records):
                left = deadline - time.monotonic()
                assert left > 0, [record["n"] for record in self.records]
                self._changed.wait(left)
            return list(self.records)

    def numbers(self) -> list[int]:
        """The numbers of the records, each once."""
        return sorted({record["n"] for record in self.records})


def parsed(line: str) -> Record:
    """The record in a message of syslog, whose hash is that of its text."""
    found = _SYSLOG.fullmatch(line)
    assert found is not None, line
    priority, at, host, process, topic, subarray, n, digest, text = found.groups()
    record: Record = json.loads(text)
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    assert (record["n"], record["topic"]) == (int(n), topic)
    return {**record, "hash": digest, "priority": int(priority), "host": host, "at": at}


class SyslogReceiver(Receiver):
    """Receives over TCP or TLS (octet counts), UDP, or a socket of this machine; can go and come back."""

    def __init__(self, kind: str, place: Path, certificate: Path | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.sessions = 0
        self._path = place / "log"
        self._port = 0
        self._certificate = certificate
        self._open: list[socket.socket] = []
        self.listen()

    @property
    def url(self) -> str:
        return f"unix://{self._path}" if self.kind == "unix" else f"{self.kind}://localhost:{self._port}"

    def listen(self) -> None:
        """Be there, at the same address as before."""
        stream = self.kind in ("tcp", "tls")
        family = socket.AF_UNIX if self.kind == "unix" else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        if self.kind == "unix":
            self._path.unlink(missing_ok=True)
            self._socket.bind(str(self._path))
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("127.0.0.1", self._port))
            self._port = self._socket.getsockname()[1]
        if stream:
            self._socket.listen()
        work = self._accept if stream else self._datagrams
        self._thread = threading.Thread(target=work, args=(self._socket,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Be gone."""
        for one in (self._socket, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()
        self._thread.join(10)
        self._path.unlink(missing_ok=True)

    def _datagrams(self, mine: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := mine.recv(65536):
                self.take(parsed(data.decode()))

    def _accept(self, mine: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = mine.accept()
                self.sessions += 1
                self._open.append(connection)
                threading.Thread(target=self._stream, args=(connection,), daemon=True).start()

    def _stream(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._certificate is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self._certificate)
                connection = context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            file = connection.makefile("rb")
            while True:
                count = bytearray()
                while not count.endswith(b" "):
                    count += file.read(1)
                    if not count:
                        return
                line = file.read(int(count))
                if len(line) < int(count):
                    return  # torn
                self.take(parsed(line.decode()))


def certificate(place: Path, name: str = "localhost") -> Path:
    """A key and a certificate that it has signed itself, in one file."""
    file = place / f"{name}.pem"
    key, signed = place / f"{name}.key", place / f"{name}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        + ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(signed)],
        check=True,
        capture_output=True,
    )
    file.write_text(key.read_text() + signed.read_text())
    return file


class Collector(Receiver):
    """Takes log records over HTTP, and keeps them; or refuses them, or does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.headers: list[dict[str, str]] = []
        self.about: dict[str, Any] = {}
        self._port = 0
        self.listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def listen(self) -> None:
        """Be there, at the same address as before."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/logs"
                collector.headers.append(dict(self.headers))
                if collector.status == 200:
                    collector.take_request(ExportLogsServiceRequest.FromString(body))
                answer = ExportLogsServiceResponse().SerializeToString()
                self.send_response(collector.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Be gone."""
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def take_request(self, request: ExportLogsServiceRequest) -> None:
        for resource in request.resource_logs:
            self.about = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_logs:
                self.take(*(_record(log) for log in scope.log_records))


def _record(log: Any) -> Record:
    text = log.body.string_value
    known = {a.key: a.value.int_value or a.value.string_value for a in log.attributes}
    record: Record = json.loads(text)
    assert hashlib.sha256(text.encode()).hexdigest() == known["oet.audit.hash"]
    assert known["oet.audit.n"] == record["n"]
    assert log.event_name == f"oet.{record['topic']}"
    return {
        **record,
        "hash": known["oet.audit.hash"],
        "severity": log.severity_text,
        "at": log.time_unix_nano,
    }

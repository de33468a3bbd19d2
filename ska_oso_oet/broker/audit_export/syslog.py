"""Sends records of the audit to syslog (RFC 5424).

``logging.handlers.SysLogHandler`` does not frame messages (RFC 6587), speak TLS or report lost messages.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import ssl
import struct
import termios
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ...bus import topics
from ...domain.audit_hash import canonical

_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_PATIENCE = 5.0  #: seconds for a connection or a transmission
_SETTLE = 0.2  #: seconds for which a connection must stay open after a transmission
_AUDIT, _WARNING, _NOTICE = 13, 4, 5  #: facility and severities
#: The enterprise number that RFC 5612 reserves for documentation.
_DATA = "oet@32473"


class Syslog:
    """A syslog receiver. A message is the canonical form of a record; its structured data has the hash.

    :param url: `udp://host:port`, `tcp://…` and `tls://…` (both with octet counts), or `unix:///path`
    :param authorities: file with CA certificates; if empty, those of the system
    """

    name = "syslog"

    def __init__(self, url: str, authorities: str, subarray: int) -> None:
        self.address = url
        self._url = urlsplit(url)
        self._authorities = authorities
        self._subarray = subarray
        self._host = "".join(c for c in socket.gethostname() if "!" <= c <= "~")[:255] or "-"
        self._socket: socket.socket | None = None

    def send(self, records: list[dict[str, Any]]) -> None:
        """Send records.

        :raises OSError: if they may not have arrived
        """
        lines = [self._line(record) for record in records]
        if self._socket is None:
            self._socket = self._connected()
        elif _has_ended(self._socket, 0):  # since the last transmission
            self.close()
            self._socket = self._connected()
        if self._socket.type == socket.SOCK_STREAM:
            self._socket.sendall(b"".join(b"%d %s" % (len(line), line) for line in lines))
        else:
            for line in lines:
                self._socket.send(line)
        self._settle(self._socket)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._url.scheme == "unix":
            return _local(self._url.path)
        host, port = str(self._url.hostname), self._url.port or _PORTS[self._url.scheme]
        if self._url.scheme == "udp":
            family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            connected = socket.socket(family, kind, proto)
            connected.connect(address)
            return connected
        connected = socket.create_connection((host, port), timeout=_PATIENCE)
        if self._url.scheme == "tls":
            connected = ssl.create_default_context(cafile=self._authorities or None).wrap_socket(
                connected, server_hostname=host
            )
        return connected

    def _settle(self, connection: socket.socket) -> None:
        """Wait until the kernel has sent all bytes and the connection stays open: syslog confirms nothing."""
        if _has_ended(connection, _SETTLE):
            raise ConnectionError("the connection was closed")
        deadline = time.monotonic() + _PATIENCE
        while connection.type == socket.SOCK_STREAM and _unsent(connection):
            if time.monotonic() > deadline:
                raise TimeoutError("the receiver takes no data")
            if _has_ended(connection, 0.05):
                raise ConnectionError("the connection was closed")

    def _line(self, record: dict[str, Any]) -> bytes:
        payload = record["payload"]
        refused = record["topic"] == topics.AUTH_REFUSED or (payload.get("status") or 0) >= 400
        priority = 8 * _AUDIT + (_WARNING if refused else _NOTICE)
        about = f'[{_DATA} subarray="{self._subarray}" n="{record["n"]}" hash="{record["hash"]}"]'
        words = (_time(record["time"]), self._host, "oet", os.getpid(), record["topic"] or "-", about)
        return f"<{priority}>1 {' '.join(map(str, words))} {canonical(record)}".encode()


def _time(seconds: Any) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    except (TypeError, ValueError, OverflowError, OSError):  # a record that was tampered with
        return "-"


def _local(path: str) -> socket.socket:
    """Connect to a Unix socket, which may be a datagram or a stream socket."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        connected = socket.socket(socket.AF_UNIX, kind)
        connected.settimeout(_PATIENCE)
        try:
            connected.connect(path)
            return connected
        except OSError as error:
            connected.close()
            failure = error
    raise failure


def _has_ended(connection: socket.socket, seconds: float) -> bool:
    """Whether a connection is closed within some seconds; received data is discarded.

    :raises OSError: if the connection failed
    """
    deadline = time.monotonic() + seconds
    while True:
        left = max(0.0, deadline - time.monotonic())
        if not select.select([connection], [], [], left)[0]:
            return False
        connection.settimeout(0)
        try:
            if not connection.recv(4096) and connection.type == socket.SOCK_STREAM:
                return True
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            connection.settimeout(_PATIENCE)
        if not left:
            return False


def _unsent(connection: socket.socket) -> int:
    """The number of bytes that the receiver has not acknowledged."""
    return int(struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0\0\0\0"))[0])

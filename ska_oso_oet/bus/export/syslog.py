"""Records of the audit for syslog, as RFC 5424 has it.

Python's own handler is none of that: it frames nothing, speaks no TLS, and does not tell what was lost.
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

from ...domain.chain import canonical

_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
_PATIENCE = 5.0  #: seconds for a conversation
_SETTLE = 0.2  #: seconds for which a connection must go on after what was sent last
_AUDIT, _WARNING, _NOTICE = 13, 4, 5  #: facility and severities
#: The number that RFC 5612 sets aside for where there is none of one's own.
_DATA = "oet@32473"


class Syslog:
    """A receiver of syslog. A message is the canonical form of a record, and its hash is beside it.

    :param url: `udp://host:port`, `tcp://…` and `tls://…` (both with octet counts), or `unix:///path`
    :param authorities: file with certificates of authorities; by default those of this machine
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

        :raises OSError: where they may not have arrived
        """
        lines = [self._line(record) for record in records]
        if self._socket is None:
            self._socket = self._connected()
        elif _has_ended(self._socket, 0):  # while there was nothing to send
            self.close()
            self._socket = self._connected()
        if self._socket.type == socket.SOCK_STREAM:
            self._socket.sendall(b"".join(b"%d %s" % (len(line), line) for line in lines))
        else:
            for line in lines:
                self._socket.send(line)
        self._settle(self._socket)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._url.scheme == "unix":
            return _local(self._url.path)
        host, port = str(self._url.hostname), self._url.port or _PORTS[self._url.scheme]
        if self._url.scheme == "udp":
            family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            made = socket.socket(family, kind, proto)
            made.connect(address)
            return made
        made = socket.create_connection((host, port), timeout=_PATIENCE)
        if self._url.scheme == "tls":
            made = ssl.create_default_context(cafile=self._authorities or None).wrap_socket(
                made, server_hostname=host
            )
        return made

    def _settle(self, connection: socket.socket) -> None:
        """Syslog confirms nothing: what arrives has left this machine, and its connection goes on."""
        if _has_ended(connection, _SETTLE):
            raise ConnectionError("the connection was closed")
        deadline = time.monotonic() + _PATIENCE
        while connection.type == socket.SOCK_STREAM and _unsent(connection):
            if time.monotonic() > deadline:
                raise TimeoutError("what is sent is not taken")
            if _has_ended(connection, 0.05):
                raise ConnectionError("the connection was closed")

    def _line(self, record: dict[str, Any]) -> bytes:
        said = record["payload"]
        refused = record["topic"] == "auth.refused" or (said.get("status") or 0) >= 400
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
    """A socket of this machine, which is of one kind or the other."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        made = socket.socket(socket.AF_UNIX, kind)
        made.settimeout(_PATIENCE)
        try:
            made.connect(path)
            return made
        except OSError as error:
            made.close()
            failure = error
    raise failure


def _has_ended(connection: socket.socket, seconds: float) -> bool:
    """Whether a connection ends within some seconds; what a receiver says is not heard.

    :raises OSError: where it was broken
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
    """Bytes that the other side has not confirmed."""
    return int(struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0\0\0\0"))[0])

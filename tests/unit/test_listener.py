"""The socket that REST listens on."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys

import pytest

from ska_oso_oet.settings import read_settings
from ska_oso_oet.workers.common import CannotStart
from ska_oso_oet.workers.listener import keep_loopback, listen


def test_answers_to_connections_that_came_during_the_start_are_sent_at_once() -> None:
    with listen(read_settings({"OET_PORT": "0"})) as listener:
        with socket.create_connection(listener.getsockname()[:2]):
            served, _ = listener.accept()
            with served:
                assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@pytest.mark.parametrize(("host", "other"), [("127.0.0.1", "::1"), ("0.0.0.0", "::1"), ("::1", "127.0.0.1")])
def test_no_other_account_can_listen_where_localhost_may_lead(host: str, other: str) -> None:
    settings = read_settings({"OET_PORT": "0", "OET_HOST": host, "OET_AUTH": "off"})
    with listen(settings) as listener, contextlib.ExitStack() as stack:
        port = listener.getsockname()[1]
        for kept in keep_loopback(listener):
            stack.enter_context(kept)
        assert _listens_as_nobody(other, port) == "Address already in use"
        with pytest.raises(ConnectionRefusedError), socket.create_connection((other, port)):
            pass  # a client tries the next address
        with pytest.raises(CannotStart, match=f"another program has port {port} of {other}"):
            keep_loopback(listener)


def test_a_wildcard_of_ipv6_has_the_addresses_of_ipv4_already() -> None:
    with listen(read_settings({"OET_PORT": "0", "OET_HOST": "::", "OET_AUTH": "off"})) as listener:
        assert keep_loopback(listener) == []
        assert _listens_as_nobody("127.0.0.1", listener.getsockname()[1]) == "Address already in use"


def _listens_as_nobody(host: str, port: int) -> str:
    """What another account is told that listens there, with every option that could let it."""
    program = (
        "import os, socket, sys\n"
        "os.setuid(65534)\n"
        "one = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
        "one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
        "one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
        "try:\n"
        "    one.bind((sys.argv[1], int(sys.argv[2])))\n"
        "    one.listen()\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    command = [sys.executable, "-c", program, host, str(port)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

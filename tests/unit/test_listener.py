"""The socket that REST listens on."""

from __future__ import annotations

import socket

from ska_oso_oet.settings import read_settings
from ska_oso_oet.workers.listener import listen


def test_answers_to_connections_that_came_during_the_start_are_sent_at_once() -> None:
    with listen(read_settings({"OET_PORT": "0"})) as listener:
        with socket.create_connection(listener.getsockname()[:2]):
            served, _ = listener.accept()
            with served:
                assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1

"""Clients that ask for everything and read nothing delay no command, and cost a bounded amount of memory."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from ..conftest import Events, Server, serving, until

READERS = 400
MESSAGES = 10_000
#: Bytes that the documentation allows for what all clients of streams leave unread, and some for reading it.
MOST = 2**27 + 2**25


def unread(server: Server, stack: contextlib.ExitStack, path: str) -> socket.socket:
    """A client that asks for a stream from the beginning, and does not read it."""
    address = urlsplit(server.url)
    client = stack.enter_context(socket.create_connection((address.hostname, address.port)))
    client.settimeout(60)
    client.sendall(
        f"GET {address.path}{path} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n".encode()
    )
    return client


def peak(server: Server) -> int:
    """The most memory FlaskWorker ever had, in bytes."""
    worker: psutil.Process = server.worker("rest").children()[0]
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def waits(client: socket.socket) -> int:
    """How many bytes a client could read."""
    return len(client.recv(2**16, socket.MSG_PEEK | socket.MSG_DONTWAIT))


def numbers(client: socket.socket, last: bytes) -> list[int]:
    """Read a stream until something is in it; the ids of its events."""
    said = bytearray()
    while last not in said[-(2**17) :]:
        part = client.recv(2**17)
        assert part, "the stream has ended"
        said += part
    return [int(number) for number in re.findall(rb"^id: (\d+)$", said, re.M)]


@pytest.fixture(scope="module", params=[MESSAGES, pytest.param(4 * MESSAGES, marks=pytest.mark.long)])
def messages(request: pytest.FixtureRequest) -> int:
    """How many are in the journal: for all readers together several times of what is allowed."""
    return int(request.param)


@pytest.fixture(scope="module")
def busy(messages: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a journal that no client's buffers hold."""
    with serving(tmp_path_factory.mktemp("oet") / "state") as found:
        assert found.ended(found.run("floods.py", "messages", messages), timeout=120)["state"] == "COMPLETE"
        yield found


def test_commands_are_answered_while_hundreds_replay_everything_and_read_nothing(
    busy: Server, messages: int
) -> None:
    pid = busy.run("diehard.py", "sleeping")
    worker, before = busy.worker("rest").children()[0].pid, peak(busy)
    with contextlib.ExitStack() as stack:
        readers = [unread(busy, stack, "/stream") for _ in range(READERS)]
        answer = requests.put(f"{busy.url}/procedures/{pid}", json={"state": "STOPPED"}, timeout=60)
        assert answer.status_code == 200
        assert busy.ended(busy.run("trivial.py"))["state"] == "COMPLETE"
        for reader in readers:  # each is being served by now, none is done, and none was sent away
            until(lambda reader=reader: waits(reader) > 2**15, timeout=60)  # type: ignore[misc]
        assert peak(busy) - before < MOST
        # Whoever reads at last gets everything, once and in order.
        found = numbers(readers[0], b'"new_state": "COMPLETE"')
        found += numbers(readers[0], b"procedure.lifecycle.stopped") if found[-1] < messages else []
        assert found == list(range(1, len(found) + 1))
        assert len(found) > messages
    assert busy.worker("rest").children()[0].pid == worker


def test_a_client_that_reads_overtakes_hundreds_that_do_not(busy: Server, messages: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(READERS):
            unread(busy, stack, "/stream")
        reader = Events(busy, after=0, topics="user.script.flood")
        reader.wait(lambda e: e.get("n") == messages - 1, timeout=60)
        assert [e["n"] for e in reader.all][:messages] == list(range(messages))
        reader.close()


def test_hundreds_that_follow_an_output_and_read_nothing_delay_no_command(busy: Server) -> None:
    printed = busy.run("floods.py", "output", 8)
    busy.ended(printed)
    pid, before = busy.run("diehard.py", "sleeping"), peak(busy)
    with contextlib.ExitStack() as stack:
        readers = [unread(busy, stack, f"/procedures/{printed}/output?follow=true") for _ in range(READERS)]
        assert busy.stop_script(pid)["survivors"] == 0
        for reader in readers:
            until(lambda reader=reader: waits(reader) > 2**15, timeout=60)  # type: ignore[misc]
        assert peak(busy) - before < MOST


def test_what_is_left_unread_of_large_events_is_bounded_for_all_together(tmp_path: Path) -> None:
    script = tmp_path / "large.py"
    script.write_text(
        "from pubsub import pub\ndef main():\n"
        "    for n in range(3):\n        pub.sendMessage('user.large', n=n, text='m' * 5_000_000)\n"
    )
    with serving(tmp_path / "state") as server, contextlib.ExitStack() as stack:
        assert server.ended(server.run(str(script)), timeout=60)["state"] == "COMPLETE"
        before = peak(server)
        lazy = [unread(server, stack, "/stream?topics=user.large") for _ in range(100)]  # 500 MB
        reader = Events(server, after=0, topics="user.large")
        reader.wait(lambda e: e["n"] == 2, timeout=60)
        assert [len(json.dumps(e)) > 5_000_000 for e in reader.all] == [True] * 3
        reader.close()
        # The last of them has its turn after all others; some that came first had to go by then.
        until(lambda: waits(lazy[-1]) > 2**15, timeout=60)
        assert peak(server) - before < MOST + 10 * 5_000_000
        assert server.ended(server.run("trivial.py"))["state"] == "COMPLETE"

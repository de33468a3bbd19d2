"""A script that sends messages without end is slowed down and told so; nothing is lost, a stop is prompt."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Events, Server, serving, until

RATE = 100
BURST = 100 * RATE
COUNT = BURST + 8 * RATE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_MESSAGE_RATE=str(RATE)) as found:
        yield found


def _slowed(server: Server, pid: int) -> bool:
    return server.procedure(pid)["slowed"] is not None


def test_a_script_that_sends_too_many_messages_waits_and_is_told_so_once(server: Server) -> None:
    events = Events(server, topics="user.script.flood,procedure.lifecycle")
    began = time.time()
    pid = server.run("floods.py", "messages", COUNT)
    told = events.wait(lambda e: e["topic"] == "procedure.lifecycle.slowed" and e["pid"] == pid)
    assert told["rate"] == RATE
    assert server.ended(pid, 60)["state"] == "COMPLETE"
    took = time.time() - began
    events.wait(lambda e: e.get("new_state") == "COMPLETE" and e["pid"] == pid)
    assert [e["n"] for e in events.all if e["topic"] == "user.script.flood"] == list(range(COUNT))
    events.close()
    assert 2 < took < 40  # the last ones wait in the socket when it ends, and are taken together
    found = server.procedure(pid)
    assert began < found["slowed"] < began + took
    output = server.get(f"/procedures/{pid}/output", stream="stderr")["chunks"]
    assert [chunk["text"] for chunk in output] == [
        "OET: this script sends more than 100 messages per second (OET_MESSAGE_RATE) all the time; "
        "from now on sending one waits until there is room\n"
    ]
    oet = Path(sys.executable).parent / "oet"
    command = [oet, "procedure", "describe", f"--pid={pid}", "--server-url", server.url]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "It sent too many messages, and had to wait where it sent them since" in shown


def test_a_script_that_sends_as_many_as_it_may_notices_nothing(server: Server) -> None:
    pid = server.run("floods.py", "messages", BURST)
    assert server.ended(pid, 60)["slowed"] is None
    assert server.output(pid) == ""


@pytest.mark.parametrize("what", ["a main thread", "threads", "children", "a clean-up"])
def test_a_stop_reaches_a_script_that_waits_at_once(server: Server, tmp_path: Path, what: str) -> None:
    script = tmp_path / "flood.py"
    script.write_text(_FLOODS.format(what=what))
    pid = server.run(str(script))
    until(lambda: _slowed(server, pid))
    began = time.monotonic()
    answer = server.stop_script(pid)
    assert time.monotonic() - began < 1.5
    assert answer["survivors"] == 0
    found = server.procedure(pid)
    assert (found["state"], found["outcome"]["reason"]) == ("STOPPED", "stopped")
    assert "kill" not in dict(found["outcome"]["stages"]) or what == "children"
    assert "cleaned up" in server.output(pid)


_FLOODS = """
import os, threading
from pubsub import pub

def flood(text=""):
    while True:
        pub.sendMessage("user.script.flood", n=1, text=text)

def main():
    try:
        if {what!r} == "threads":
            for _ in range(4):
                threading.Thread(target=flood, daemon=True).start()
        if {what!r} == "children" and not os.fork():
            flood()
        flood()
    finally:
        for n in range(500 if {what!r} == "a clean-up" else 5):
            pub.sendMessage("user.script.flood", n=n)
        print("cleaned up")
"""


def test_long_messages_count_as_several(tmp_path: Path) -> None:
    script = tmp_path / "long.py"
    script.write_text(
        "from pubsub import pub\n"
        "def main():\n"
        "    for n in range(6):\n"
        "        pub.sendMessage('user.script.flood', n=n, text='x' * 900_000)\n"
    )
    with serving(tmp_path / "state", OET_MESSAGE_RATE="10") as server:
        pid = server.run(str(script))
        assert server.ended(pid, 90)["slowed"] is not None
        told = [line for line in server.log.read_text().splitlines() if "too many messages" in line]
    assert len(told) == 1
    assert f"procedure_id:{pid}" in told[0]


def test_it_is_remembered_over_a_crash_of_the_service(tmp_path: Path) -> None:
    with serving(tmp_path / "other", OET_MESSAGE_RATE="5") as server:
        pid = server.run("floods.py", "messages", 10**9)
        until(lambda: _slowed(server, pid))
        since = server.procedure(pid)["slowed"]
        server.kill("ses")
        server.ready()
        until(lambda: server.procedure(pid)["slowed"] == since)
        assert server.stop_script(pid)["survivors"] == 0
        assert server.procedure(pid)["slowed"] == since


def test_without_a_limit_nothing_waits(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_MESSAGE_RATE="none") as server:
        pid = server.run("floods.py", "messages", 25_000)
        assert server.ended(pid, 90)["slowed"] is None

"""How fast the event stream is, with many listeners and under a flood."""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from tests.conftest import Events, Server

from .figures import Figure, percentile
from .floors import Floors
from .runs import Client, changed

_LISTENERS = 200
_AT = re.compile(rb'"at": ([0-9.]+)')
_PACED = """
import time
from pubsub import pub

def main(count, rate):
    due = time.monotonic()
    for n in range(count):
        pub.sendMessage("bench.paced", n=n, at=time.time())
        due += 1 / rate
        time.sleep(max(0, due - time.monotonic()))
"""
_FLOOD = """
import time
from pubsub import pub

def main(count):
    for n in range(count):
        pub.sendMessage("bench.flood", n=n, at=time.time())
"""


def _written(text: str) -> str:
    fd, path = tempfile.mkstemp(suffix=".py")
    with os.fdopen(fd, "w") as file:
        file.write(text)
    return path


def measure(server: Server, floors: Floors) -> list[Figure]:
    """200 listeners and a steady script; one listener and a burst."""
    return [*_many(server, floors), *_burst(server)]


def _many(server: Server, floors: Floors) -> list[Figure]:
    client, events = Client(server), Events(server, topics="procedure.lifecycle.statechange")
    pid = client.create(_written(_PACED))
    events.wait(changed(pid, "READY"))
    listening = subprocess.Popen(
        [sys.executable, "-m", "bench.streams", server.url, str(_LISTENERS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listening.stdout is not None
    assert listening.stdout.readline() == "listening\n"
    rest: list[float] = []
    client.start(pid, 1000, 100)
    while True:
        began = time.perf_counter()
        state = client.call("GET", f"/procedures/{pid}")["state"]
        rest.append(time.perf_counter() - began)
        if state == "COMPLETE":
            break
        time.sleep(0.02)
    told, _ = listening.communicate("end\n", timeout=60)
    found = json.loads(told)
    events.close()
    p99 = percentile(rest, 0.99)
    return [
        Figure(
            name="200 listeners, 100 messages/s: stream latency p99",
            value=found["p99"] * 1e3,
            unit="ms",
            goal=10,
            absolute=f"p50 {found['p50'] * 1e3:.2f} ms",
            n=found["n"],
        ),
        Figure(
            name="the same: REST p99",
            value=p99 / floors.flask,
            unit="F",
            goal=5,
            absolute=f"{p99 * 1e3:.2f} ms, p50 {statistics.median(rest) * 1e3:.2f} ms",
            n=len(rest),
        ),
        Figure(
            name="the same: messages not delivered",
            value=1000 * _LISTENERS - found["n"],
            unit="",
            goal=0,
            absolute="",
            n=1000 * _LISTENERS,
        ),
    ]


def _burst(server: Server) -> list[Figure]:
    client, count = Client(server), 20_000
    events = Events(server, topics="bench,procedure.lifecycle.statechange")
    pid = client.create(_written(_FLOOD))
    events.wait(changed(pid, "READY"))
    client.start(pid, count)
    last = events.wait(lambda e: e.get("n") == count - 1, timeout=60)
    arrived = time.time()
    told = [e for e in events.all if e["topic"] == "bench.flood"]
    events.wait(changed(pid, "COMPLETE"))
    events.close()
    assert last["n"] == count - 1
    took = arrived - told[0]["at"]
    return [
        Figure(
            name="burst of 20,000 messages: last arrival",
            value=took,
            unit="s",
            goal=2,
            absolute=f"{count / took:.0f} messages/s",
            n=count,
        ),
        Figure(
            name="burst of 20,000 messages: lost",
            value=count - len({e["n"] for e in told}),
            unit="",
            goal=0,
            absolute="",
            n=count,
        ),
    ]


def listen(url: str, listeners: int) -> None:
    """Be many listeners in one process; runs beside the measurement."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, port = host.split(":")
    selector = selectors.DefaultSelector()
    request = f"GET /{path}/stream?topics=bench HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    rest: dict[socket.socket, bytes] = {}
    for _ in range(listeners):
        connection = socket.create_connection((name, int(port)))
        connection.sendall(request)
        while b"retry:" not in connection.recv(4096):
            pass
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
        rest[connection] = b""
    selector.register(sys.stdin, selectors.EVENT_READ)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    late: list[float] = []
    ending = False
    while not ending:
        ready = selector.select()
        now = time.time()
        for key, _ in ready:
            if key.fileobj is sys.stdin:
                ending = True
                continue
            connection = key.fileobj  # type: ignore[assignment]
            data = rest[connection] + connection.recv(65536)
            whole, end, rest[connection] = data.rpartition(b"\n")
            # As cheap as can be: real listeners do not share the server's processors.
            late += [now - float(at) for at in _AT.findall(whole + end)]
    summary = {"n": len(late), "p50": statistics.median(late), "p99": percentile(late, 0.99)}
    sys.stdout.write(json.dumps(summary))


if __name__ == "__main__":
    listen(sys.argv[1], int(sys.argv[2]))

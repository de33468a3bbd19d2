"""How fast procedures are made, started, ended and stopped."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import tempfile
import time
from typing import Any

from tests.conftest import Events, Server

from .figures import Figure, median_ms
from .floors import Floors

_N = 40

_MARKS = """
import time
{imports}
from pubsub import pub

def main(word="none"):
    at = time.time()
    pub.sendMessage("bench.first", at=at)
    {then}
    pub.sendMessage("bench.last", at=time.time())
"""


class Client:
    """The leanest client, so that what is measured is the server."""

    def __init__(self, server: Server) -> None:
        _, _, rest = server.url.partition("//")
        host, _, path = rest.partition("/")
        self._connection = http.client.HTTPConnection(host, timeout=60)
        self._path = f"/{path}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; returns the answer's JSON."""
        data = json.dumps(body) if body is not None else None
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, f"{self._path}{path}", data, headers)
        answer = self._connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status < 300, found
        return found

    def create(self, path: str) -> int:
        """Create a procedure; returns its id."""
        script = {"script_type": "filesystem", "script_uri": f"file://{path}"}
        return int(self.call("POST", "/procedures", {"script": script})["id"])

    def start(self, pid: int, *args: Any) -> None:
        """Start it."""
        main = {"main": {"args": list(args)}}
        self.call("PUT", f"/procedures/{pid}", {"state": "RUNNING", "script_args": main})

    def stop(self, pid: int) -> None:
        """Stop it, without abort."""
        self.call("PUT", f"/procedures/{pid}", {"state": "STOPPED"})


def script(imports: str = "", then: str = "pass") -> str:
    """Write a script that tells when its first and last lines ran."""
    fd, path = tempfile.mkstemp(suffix=".py")
    with os.fdopen(fd, "w") as file:
        file.write(_MARKS.format(imports=imports, then=then))
    return path


def changed(pid: int, state: str) -> Any:
    """The event of a procedure reaching a state."""
    return lambda e: e.get("new_state") == state and e["pid"] == pid


def measure(server: Server, floors: Floors) -> list[Figure]:
    """From create to COMPLETE."""
    client, events = Client(server), Events(server)
    figures = []
    for name, imports, goal in (
        ("trivial script", "", 0.7),
        ("script that imports tango", "import tango", 1.0),
    ):
        path = script(imports)
        ready, first, last = [], [], []
        for _ in range(_N):
            time.sleep(0.05)  # the warm interpreter is replaced in the background
            began = time.time()
            pid = client.create(path)
            events.wait(changed(pid, "READY"))
            ready.append(time.time() - began)
            began = time.time()
            client.start(pid)
            events.wait(changed(pid, "COMPLETE"))
            ended = time.time()
            mine = [e for e in events.all if e["msg_src"] == str(pid)]
            at = {e["topic"]: e["time"] for e in mine if e["topic"].startswith("bench.")}
            first.append(at["bench.first"] - began)
            last.append(ended - at["bench.last"])
            events.all.clear()
        p = floors.python
        figures.append(_figure(f"create → READY, {name}", ready, p, goal))
        if not imports:
            figures.append(_figure("start → first line of main", first, p, 0.3))
            figures.append(_figure("main returns → COMPLETE on the stream", last, p, 0.5))
    figures.append(_rounds(client, events))
    events.close()
    return figures


def _figure(name: str, took: list[float], floor: float, goal: float) -> Figure:
    value = statistics.median(took) / floor
    return Figure(name=name, value=value, unit="P", goal=goal, absolute=median_ms(took), n=len(took))


def _rounds(client: Client, events: Events) -> Figure:
    path, n = script(), 200
    began = time.time()
    for _ in range(n):
        pid = client.create(path)
        events.wait(changed(pid, "READY"))
        client.start(pid)
        events.wait(changed(pid, "COMPLETE"))
        events.all.clear()
    rate = n / (time.time() - began)
    return Figure(
        name="whole rounds create → COMPLETE per second",
        value=rate,
        unit="/s",
        goal=40,
        absolute=f"{1e3 / rate:.1f} ms each",
        n=n,
        more_is_better=True,
    )


_WAYS = {"sleeping": "time.sleep(3600)", "busy": "while True: pass"}


def measure_stops(server: Server, floors: Floors) -> list[Figure]:
    """From the request to the script being gone, and to the answer."""
    client, events = Client(server), Events(server)
    figures = []
    for way, then in _WAYS.items():
        gone, answered = _stops(client, events, script(then=then), _N)
        figures.append(_figure(f"stop, {way} script: gone", gone, floors.python, 0.8))
        figures.append(
            _figure(f"stop, {way} script: answered, survivors checked", answered, floors.python, 2)
        )
    ignoring = script("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "time.sleep(3600)")
    # The import runs before the runner's own handler is of use, so that SIGTERM stays ignored.
    gone, _ = _stops(client, events, ignoring, 5)
    beyond = (statistics.median(gone) - 2.0) * 1e3
    figures.append(
        Figure(
            name="stop of a script that ignores SIGTERM, beyond the grace period",
            value=beyond,
            unit="ms",
            goal=100,
            absolute=f"grace 2 s + {beyond:.0f} ms",
            n=5,
        )
    )
    events.close()
    return figures


def _stops(client: Client, events: Events, path: str, n: int) -> tuple[list[float], list[float]]:
    gone, answered = [], []
    for _ in range(n):
        pid = client.create(path)
        events.wait(changed(pid, "READY"))
        os_pid = client.call("GET", f"/procedures/{pid}")["pid"]
        client.start(pid)
        events.wait(lambda e, pid=pid: e["topic"] == "bench.first" and e["msg_src"] == str(pid))
        fd = os.pidfd_open(os_pid)
        watcher = _Watcher(fd)
        began = time.time()
        client.stop(pid)
        answered.append(time.time() - began)
        gone.append(watcher.ended() - began)
        events.all.clear()
    return gone, answered


class _Watcher:
    """Notes when a process ends."""

    def __init__(self, fd: int) -> None:
        import select
        import threading

        self._at = 0.0
        poll = select.poll()
        poll.register(fd, select.POLLIN)

        def watch() -> None:
            poll.poll()
            self._at = time.time()
            os.close(fd)

        self._thread = threading.Thread(target=watch)
        self._thread.start()

    def ended(self) -> float:
        self._thread.join()
        return self._at

"""What the library for the pace of scripts costs, and how soon a script pauses."""

from __future__ import annotations

import os
import statistics
import tempfile
import time

from tests.conftest import Events, Server

from .figures import Figure, median_ms
from .floors import Floors
from .runs import Client

_N = 20
_TIMES = 20_000

_SCRIPT = """
import time
from ska_oso_oet.telescope.pace import checkpoint

def main(times=0, passes=0):
    if times:
        began = time.perf_counter()
        for _ in range(times):
            checkpoint("often")
        return (time.perf_counter() - began) / times
    for _ in range(passes):
        time.sleep(0.001)
        checkpoint("scan")
"""


def measure(server: Server, floors: Floors) -> list[Figure]:
    """The cost of a checkpoint, and the time from the request of a pause until the script stands."""
    client = Client(server)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "paced.py")
        with open(path, "w") as file:
            file.write(_SCRIPT)
        seconds = [_cost(server, path) for _ in range(5)]
        took = _pauses(server, client, path)
    cost = statistics.median(seconds) * 1e6
    return [
        Figure(
            name="checkpoint that does not pause",
            value=cost,
            unit="µs",
            goal=20.0,
            absolute=f"{cost:.1f} µs",
            n=5 * _TIMES,
        ),
        Figure(
            name="pause requested → script stands, a checkpoint each ms",
            value=statistics.median(took) * 1e3,
            unit="ms",
            goal=10.0,
            absolute=median_ms(took),
            n=_N,
        ),
    ]


def _cost(server: Server, path: str) -> float:
    pid = server.run(path, times=_TIMES)
    return float(server.ended(pid)["outcome"]["result"])


def _pauses(server: Server, client: Client, path: str) -> list[float]:
    events = Events(server, topics="procedure.pause")
    pid = server.run(path, passes=1_000_000)
    took = []
    for n in range(1, _N + 1):
        client.call("PUT", f"/procedures/{pid}/pause", {"wanted": True})
        paused = _nth(events, "paused", n)["pause"]["since"]
        took.append(paused - _nth(events, "requested", n)["pause"]["since"])
        client.call("PUT", f"/procedures/{pid}/pause", {"wanted": False})
        time.sleep(0.02)  # so that it does not stand any more when it is asked again
    server.stop_script(pid)
    events.close()
    return took


def _nth(events: Events, what: str, n: int) -> dict:  # type: ignore[type-arg]
    seen = 0

    def wanted(event: dict) -> bool:  # type: ignore[type-arg]
        nonlocal seen
        seen += event.get("topic") == f"procedure.pause.{what}"
        return seen == n

    return events.wait(wanted)

"""How fast REST answers, and what the whole tree costs."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.conftest import Events, Server, serving

from .figures import Figure, median_ms
from .floors import Floors, get, timed
from .runs import Client, changed, script

#: How many runs lie behind "list after many runs"; set from the command line.
HISTORY = 1000


def measure(server: Server, floors: Floors) -> list[Figure]:
    """One procedure over the bus, and the list after few and after many runs."""
    port = int(server.url.split(":")[2].split("/")[0])
    base = "/" + server.url.split("/", 3)[3]
    client, events = Client(server), Events(server, topics="procedure.lifecycle.statechange")
    pid = client.create(script())
    events.wait(changed(pid, "READY"))
    path = f"{base}/procedures/{pid}"
    get(port, path, 200)
    one = get(port, path, 1000)
    sixteen = get(port, path, 3200, clients=16)
    _run(client, events, 10)
    few = statistics.median(get(port, f"{base}/procedures", 300))
    _run(client, events, HISTORY - 10)
    many = statistics.median(get(port, f"{base}/procedures", 300))
    events.close()
    return [
        Figure(
            name="GET one procedure over the bus, 1 client",
            value=statistics.median(one) / floors.flask,
            unit="F",
            goal=4,
            absolute=median_ms(one),
            n=len(one),
        ),
        Figure(
            name="GET one procedure over the bus, 16 clients",
            value=statistics.median(sixteen) / floors.flask_16,
            unit="F",
            goal=4,
            absolute=median_ms(sixteen),
            n=len(sixteen),
        ),
        Figure(
            name=f"list after {HISTORY} runs against after 10",
            value=many / few,
            unit="×",
            goal=1.2,
            absolute=f"{many * 1e3:.2f} ms",
            n=300,
        ),
    ]


def _run(client: Client, events: Events, n: int) -> None:
    path = script()
    for _ in range(n):
        pid = client.create(path)
        events.wait(changed(pid, "READY"))
        client.start(pid)
        events.wait(changed(pid, "COMPLETE"))
        events.all.clear()


def measure_whole(server: Server, floors: Floors) -> list[Figure]:
    """Start, idle processor, memory, and the command line."""
    starts = [_cold_start() for _ in range(3)]
    time.sleep(2)
    tree = _tree(server)
    before, began = _cpu(tree), time.time()
    time.sleep(20)
    idle = (_cpu(tree) - before) / (time.time() - began) * 100
    memory = sum(_pss(process) for process in _tree(server)) / 2**20
    oet = str(Path(sys.executable).parent / "oet")
    os.environ["OET_URL"] = server.url
    help_, list_ = timed(oet, "--help"), timed(oet, "procedure", "list")
    start = statistics.median(starts)
    return [
        Figure(
            name="cold start to ready, against bare Flask + gunicorn",
            value=start / floors.flask_start,
            unit="×",
            goal=3,
            absolute=f"{start:.2f} s",
            n=3,
        ),
        Figure(
            name="idle processor, whole tree",
            value=idle,
            unit="% of a core",
            goal=0.5,
            absolute="20 s",
            n=1,
        ),
        Figure(
            name="memory, PSS of the whole tree, one warm tango interpreter",
            value=memory,
            unit="MiB",
            goal=200,
            absolute=f"{len(tree)} processes",
            n=1,
        ),
        Figure(
            name="oet --help",
            value=help_ / floors.python,
            unit="P",
            goal=6,
            absolute=f"{help_ * 1e3:.0f} ms",
            n=20,
        ),
        Figure(
            name="oet procedure list, against python -c 'import requests'",
            value=list_ / floors.requests,
            unit="×",
            goal=2,
            absolute=f"{list_ * 1e3:.0f} ms",
            n=20,
        ),
    ]


def _cold_start() -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        with serving(Path(folder) / "state", OET_PRELOAD="tango"):
            return time.time() - began


def _tree(server: Server) -> list[psutil.Process]:
    assert server.process is not None
    return [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]


def _cpu(tree: list[psutil.Process]) -> float:
    total = 0.0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _pss(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0

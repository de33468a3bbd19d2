"""The floors: what no OET on this machine could be faster than."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator

_APP = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def hello():
    return {"hello": "world"}
"""


@dataclasses.dataclass(frozen=True)
class Floors:
    """Medians, in seconds."""

    python: float  #: P, ``python -c pass``
    requests: float  #: ``python -c 'import requests'``
    flask: float  #: F, one client
    flask_16: float  #: F, 16 clients at once
    flask_start: float  #: from the start of gunicorn with Flask to its first answer


def timed(*command: str, n: int = 20) -> float:
    """Median duration of a whole process."""
    took = []
    for _ in range(n):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def get(port: int, path: str, n: int, clients: int = 1, headers: dict[str, str] | None = None) -> list[float]:
    """Durations of GETs over kept-alive connections."""
    took: list[float] = []

    def client(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        mine = []
        for _ in range(count):
            began = time.perf_counter()
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            answer.read()
            mine.append(time.perf_counter() - began)
            assert answer.status == 200, answer.status
        connection.close()
        took.extend(mine)

    if clients == 1:
        client(n)
        return took
    threads = [threading.Thread(target=client, args=(n // clients,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


@contextlib.contextmanager
def bare_flask() -> Iterator[tuple[int, float]]:
    """gunicorn with a bare Flask view; yields its port, and how long it took to answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "bare.py"), "w") as file:
            file.write(_APP)
        command = [sys.executable, "-m", "gunicorn", "--chdir", folder, "-k", "gthread", "--threads", "16"]
        command += ["--keep-alive", "30", "-b", f"127.0.0.1:{port}", "--log-level", "error", "bare:app"]
        began = time.perf_counter()
        process = subprocess.Popen(command)
        try:
            while True:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    get(port, "/", 1)
                    break
                time.sleep(0.005)
            yield port, time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()


def _bare_python() -> float:
    # In an empty environment: start-up hooks of installed packages would flatter every ratio.
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        return timed(os.path.join(folder, "bin", "python"), "-c", "pass", n=40)


def take() -> Floors:
    """Measure the floors."""
    starts = []
    for _ in range(4):
        with bare_flask() as (_, start):
            starts.append(start)
    with bare_flask() as (port, start):
        get(port, "/", 200)
        one = statistics.median(get(port, "/", 1000))
        sixteen = statistics.median(get(port, "/", 3200, clients=16))
    return Floors(
        python=_bare_python(),
        requests=timed(sys.executable, "-c", "import requests", n=10),
        flask=one,
        flask_16=sixteen,
        flask_start=statistics.median([*starts, start]),
    )

"""Two subarrays behind nginx, driven from one terminal with one OET_URL."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any
from urllib.parse import urlsplit

import pytest
import requests

from ..conftest import Events
from .chart import NAMESPACE, only
from .pod import running
from .proxy import Proxy
from .value_sets import OPEN

BOTH = (1, 2)

_LONG = float(os.environ.get("OET_TEST_PROXY_SECONDS", "3600"))  #: what the long test takes
_PAUSE = 10.0  #: seconds between its rounds


class Terminal:
    """A terminal far from the servers: all it knows is ``OET_URL``."""

    def __init__(self, address: str) -> None:
        self.url = f"http://{address}/{NAMESPACE}/oet/{{SUBARRAY_ID}}/api/v1"
        self._environment = {**os.environ, "OET_URL": self.url}

    def oet(self, subarray: int, *words: str) -> str:
        command = self._command(subarray, *words)
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def listening(
        self, subarray: int, *words: str, output: IO[str] | int = subprocess.PIPE
    ) -> Iterator[subprocess.Popen[str]]:
        """`oet listen` for a block."""
        listener = subprocess.Popen(
            self._command(subarray, "listen", *words),
            env=self._environment,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        with listener:
            try:
                yield listener
            finally:
                listener.terminate()

    @contextlib.contextmanager
    def events(self, subarray: int, **query: str) -> Iterator[Events]:
        """The event stream for a block, read without the command line."""
        url = self.url.format(SUBARRAY_ID=subarray)
        server = SimpleNamespace(url=url, session=requests.Session())
        events = Events(server, **query)  # type: ignore[arg-type]
        try:
            yield events
        finally:
            events.close()

    def newest(self, subarray: int) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.oet(subarray, "procedure", "list", "--output=json"))
        return max(found, key=lambda procedure: int(procedure["id"]))

    @staticmethod
    def _command(subarray: int, *words: str) -> list[str | Path]:
        return [Path(sys.executable).with_name("oet"), *words, f"--subarray_id={subarray}"]


def a_round(terminal: Terminal, subarray: int) -> None:
    """One script to its end, and another one stopped."""
    shown = terminal.oet(subarray, "procedure", "create", "file://hello_world.py")
    pid = shown.splitlines()[2].split()[0]
    shown = terminal.oet(subarray, "procedure", "start", "everybody", f"--pid={pid}")
    assert f"Procedure {pid} (file://hello_world.py) execution complete on subarray {subarray}" in shown
    assert "Hello, everybody!" in shown
    terminal.oet(subarray, "procedure", "create", "file://long_observation.py")
    terminal.oet(subarray, "procedure", "start", "--listen=False")
    assert terminal.newest(subarray)["state"] == "RUNNING"
    terminal.oet(subarray, "procedure", "stop", "--run_abort=False")
    assert terminal.newest(subarray)["state"] == "STOPPED"
    assert "STOPPED" in terminal.oet(subarray, "procedure", "describe")


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("ingress")
    with running({**OPEN, "subarrays": list(BOTH)}, folder) as pods:
        services = {f"oet-{n}": urlsplit(pod.url).netloc for n, pod in zip(BOTH, pods, strict=True)}
        (folder / "nginx").mkdir()
        proxy = Proxy(folder / "nginx", only(pods[0].documents, "Ingress"), services)
        try:
            yield Terminal(proxy.start().address)
        finally:
            proxy.stop()


@pytest.fixture(scope="module", autouse=True)
def idle(terminal: Terminal) -> Iterator[requests.Response]:
    """A stream on which nothing happens while the other tests run."""
    url = terminal.url.format(SUBARRAY_ID=1)
    with requests.get(
        f"{url}/stream", params={"topics": "user.nothing,scan"}, stream=True, timeout=60
    ) as found:
        yield found


@pytest.mark.parametrize("subarray", BOTH)
def test_everything_can_be_done_from_one_terminal(terminal: Terminal, subarray: int) -> None:
    a_round(terminal, subarray)


@pytest.mark.parametrize("subarray", BOTH)
def test_listeners_hear_their_own_subarray_at_once(terminal: Terminal, subarray: int) -> None:
    words = ("--format=text", "--topics=procedure.lifecycle", "--from-id=0")
    with (
        terminal.listening(subarray, *words) as listener,
        terminal.events(subarray, topics="procedure.lifecycle") as events,
    ):
        assert listener.stdout is not None
        shown = terminal.oet(subarray, "procedure", "create", "file://hello_world.py")
        pid = shown.splitlines()[2].split()[0]
        # Nothing follows that could push these through a buffer.
        events.wait(lambda event: event["topic"] == "procedure.lifecycle.ready")
        ready = f"Procedure {pid} (file://hello_world.py) ready for execution on subarray {subarray}\n"
        assert any(line == ready for line in listener.stdout)


def test_a_body_of_the_size_that_the_server_takes_reaches_it_and_no_larger_one(terminal: Terminal) -> None:
    url = f"{terminal.url.format(SUBARRAY_ID=1)}/procedures"
    headers = {"Content-Type": "application/json"}
    answer = requests.post(url, data=b"[" * 2**20, headers=headers, timeout=30)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.status_code == 400
    answer = requests.post(url, data=b"[" * (2**20 + 1), headers=headers, timeout=30)
    assert answer.status_code == 413


def test_an_idle_stream_is_kept_open(idle: requests.Response) -> None:
    assert any(line == b": still here" for line in idle.iter_lines(chunk_size=1))


@pytest.mark.long
@pytest.mark.timeout(_LONG + 600)
def test_for_an_hour_no_stream_is_dropped(terminal: Terminal, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        heard = [stack.enter_context(open(tmp_path / f"heard-{n}", "w+")) for n in BOTH]
        words = ("--format=json", "--topics=procedure.lifecycle.complete", "--from-id=0")
        listeners = [
            stack.enter_context(terminal.listening(n, *words, output=file))
            for n, file in zip(BOTH, heard, strict=True)
        ]
        busy = [stack.enter_context(terminal.events(n)) for n in BOTH]
        quiet = [stack.enter_context(terminal.events(n, topics="scan")) for n in BOTH]
        deadline, rounds = time.monotonic() + _LONG, 0
        while time.monotonic() < deadline:
            for n in BOTH:
                a_round(terminal, n)
            rounds += 1
            time.sleep(_PAUSE)
        assert [stream.ended for stream in (*busy, *quiet)] == [False] * 4
        for stream, listener, file in zip(busy, listeners, heard, strict=True):
            numbers = [event["seq"] for event in stream.all if "seq" in event]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert stream.topics().count("procedure.lifecycle.stopped") == rounds
            complete = [e for e in stream.all if e["topic"] == "procedure.lifecycle.complete"]
            assert len(complete) == rounds
            listener.terminate()
            _, complaints = listener.communicate()
            assert complaints == ""  # of a stream that was dropped it would tell
            file.seek(0)
            told = [json.loads(line)["result"]["id"] for line in file]
            assert told[-rounds:] == [event["result"]["id"] for event in complete]

"""The server as process 1 of a container: it hears signals, and buries what is left to it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ..conftest import Server, until


class ProcessOne(Server):
    """A server in a process namespace of its own."""

    command = (
        *("unshare", *(() if os.geteuid() == 0 else ("--user", "--map-root-user"))),
        *("--pid", "--fork", "--kill-child", "--mount-proc", *Server.command),
    )

    @property
    def first(self) -> psutil.Process:
        """Process 1, as this machine knows it."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children()[0]

    def stop(self) -> int:
        assert self.process is not None
        self.session.close()
        if self.process.poll() is None:
            self.first.terminate()
        status = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ProcessOne]:
    server = ProcessOne(tmp_path / "state")
    server.start()
    try:
        yield server
    finally:
        assert server.stop() == 0
    assert server.processes() == []


def test_it_buries_a_supervisor_that_a_crash_has_left_to_it(server: ProcessOne) -> None:
    pid = server.run("diehard.py", "sleeping")
    ses = next(child for child in server.first.children() if child.name() == "oet-ses")
    (forkserver,) = ses.children()
    (supervisor,) = (p for p in ses.children(recursive=True) if p.name() == f"oet-super-{pid}")
    ses.kill()
    until(lambda: forkserver.ppid() == server.first.pid)  # it stays for as long as its supervisors do
    until(lambda: server.get("/status")["workers"]["SESWorker"] == "ok")
    server.stop_script(pid)
    until(lambda: not supervisor.is_running())  # a process that nobody has buried is
    until(lambda: not forkserver.is_running())


def test_it_ends_when_it_is_told_to_while_it_starts(tmp_path: Path) -> None:
    server = ProcessOne(tmp_path / "state")
    environment = {**os.environ, **server.settings}
    server.process = subprocess.Popen(server.command, env=environment, stdout=subprocess.PIPE, text=True)
    until(lambda: bool(psutil.Process(server.process.pid).children()))
    until(lambda: _hears(server.first.pid, signal.SIGTERM))
    assert server.stop() == 0


def _hears(pid: int, number: int) -> bool:
    with open(f"/proc/{pid}/status") as file:
        caught = next(line for line in file if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

"""Starts the systems on loopback, and ends them with all their processes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.conftest import serving

from .systems import Blueapi, Connection, Oet, QueueServer

#: where `make bench-peers` installs them
ENVIRONMENT = Path(__file__).parent.parent.parent / ".peers"
_PLANS = '''
import bluesky.plan_stubs as bps
{imports}

def trivial(word: str = "none"){annotation}:
    """Do nothing."""
    yield from bps.null()
'''
_SCRIPT = 'def main(word="none"):\n    pass\n'
_READY = 120.0  #: seconds a system may take to start


def _program(name: str) -> str:
    return str(ENVIRONMENT / "bin" / name)


def _version(package: str) -> str:
    ask = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run(
        [_program("python"), "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class _Running:
    """Programs in a folder; all of them, and what they start, end with the block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: list[subprocess.Popen[bytes]] = []

    def begin(self, *command: str, **environ: str) -> None:
        with open(self._folder / f"{len(self._begun)}.log", "wb") as log:
            self._begun.append(
                subprocess.Popen(
                    command,
                    cwd=self._folder,
                    env={**os.environ, **environ},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def processes(self) -> list[psutil.Process]:
        found = []
        for begun in self._begun:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(begun.pid)
                found += [process, *process.children(recursive=True)]
        return found

    def end(self) -> None:
        processes = self.processes()
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        psutil.wait_procs(processes, timeout=10)
        for begun in self._begun:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(begun.pid, signal.SIGKILL)
            begun.wait()

    def logs(self) -> str:
        return "\n".join(
            log.read_text(errors="replace")[-2000:] for log in sorted(self._folder.glob("*.log"))
        )


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[_Running]:
    folder.mkdir()
    running = _Running(folder)
    try:
        yield running
    finally:
        running.end()


def _until(ready: Callable[[], bool], running: _Running) -> None:
    deadline = time.monotonic() + _READY
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
            if ready():
                return
        if time.monotonic() > deadline:
            raise SystemExit(f"a peer has not started within {_READY:g} s:\n{running.logs()}")
        time.sleep(0.01)


@contextlib.contextmanager
def oet(folder: Path) -> Iterator[tuple[Oet, float]]:
    """The OET with its defaults, and seconds until it was ready."""
    began = time.monotonic()
    with serving(folder, OET_PRELOAD="tango", LOG_LEVEL="ERROR") as server:
        took = time.monotonic() - began
        port, _, base = server.url.rpartition(":")[2].partition("/")
        system = Oet(Connection(int(port), f"/{base}"), server.processes)
        system.script = str(folder.with_suffix(".py"))
        Path(system.script).write_text(_SCRIPT)
        system.version = str(server.get("/status").get("version", ""))
        yield system, took


@contextlib.contextmanager
def blueapi(folder: Path) -> Iterator[tuple[Blueapi, float]]:
    """blueapi with one plan."""
    with _running(folder) as running:
        port = _free_port()
        imports, annotation = "from bluesky.utils import MsgGenerator", " -> MsgGenerator[None]"
        (folder / "trivial_plans.py").write_text(_PLANS.format(imports=imports, annotation=annotation))
        settings = {
            "env": {"sources": [{"kind": "planFunctions", "module": "trivial_plans"}]},
            "api": {"url": f"http://127.0.0.1:{port}"},
            "logging": {"level": "ERROR"},
        }
        (folder / "blueapi.yaml").write_text(json.dumps(settings))  # JSON is YAML, too
        began = time.monotonic()
        running.begin(_program("blueapi"), "-c", "blueapi.yaml", "serve", PYTHONPATH=str(folder))
        system = Blueapi(Connection(port), running.processes)
        _until(lambda: system.connection.call("GET", "/environment")["initialized"], running)
        took = time.monotonic() - began
        system.version = _version("blueapi")
        yield system, took


_ALL = {"allowed_plans": [":.*"], "allowed_devices": [":.*"]}
_PERMISSIONS = {
    "user_groups": {"root": {"allowed_plans": [None], "allowed_devices": [None]}, "primary": _ALL}
}


@contextlib.contextmanager
def queueserver(folder: Path) -> Iterator[tuple[QueueServer, float]]:
    """bluesky-queueserver with its HTTP server, and the Redis it keeps its queue in."""
    with _running(folder) as running:
        redis, http_port, control, info = (_free_port() for _ in range(4))
        startup = folder / "startup"
        startup.mkdir()
        imports = "from bluesky import RunEngine\nRE = RunEngine({})"
        (startup / "00.py").write_text(_PLANS.format(imports=imports, annotation=""))
        (folder / "permissions.yaml").write_text(json.dumps(_PERMISSIONS))
        began = time.monotonic()
        libraries = ":".join(str(path) for path in (ENVIRONMENT / "redis/usr/lib").glob("*-linux-gnu"))
        server = shutil.which("redis-server") or str(ENVIRONMENT / "redis/usr/bin/redis-server")
        # fmt: off
        running.begin(
            server, "--port", str(redis), "--bind", "127.0.0.1", "--save", "", LD_LIBRARY_PATH=libraries
        )
        running.begin(
            _program("start-re-manager"), "--startup-dir", "startup", "--keep-re",
            "--redis-addr", f"127.0.0.1:{redis}", "--user-group-permissions", "permissions.yaml",
            "--zmq-control-addr", f"tcp://127.0.0.1:{control}", "--zmq-info-addr", f"tcp://127.0.0.1:{info}",
        )
        key = secrets.token_hex(16)
        running.begin(
            _program("uvicorn"), "--host", "127.0.0.1", "--port", str(http_port), "--log-level", "error",
            "bluesky_httpserver.server:app",
            QSERVER_HTTP_SERVER_SINGLE_USER_API_KEY=key,
            QSERVER_ZMQ_CONTROL_ADDRESS=f"tcp://127.0.0.1:{control}",
        )
        # fmt: on
        connection = Connection(http_port, "/api", {"Authorization": f"ApiKey {key}"})
        system = QueueServer(connection, running.processes)
        _until(lambda: connection.call("POST", "/environment/open")["success"], running)
        _until(lambda: connection.call("GET", "/status")["worker_environment_state"] == "idle", running)
        took = time.monotonic() - began
        system.version = _version("bluesky-queueserver")
        yield system, took

"""A real server for the tests: its own processes, state directory and port."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest
import requests

from .support.postgresql import PostgreSQL, copied, end_shared, shared, written

#: Whether every server of the tests has a central history; see `make test-postgresql`.
CENTRAL = os.environ.get("OET_TEST_DATABASE") == "postgresql"
#: The workers of such a server.
WORKERS = ("bus", "FlaskWorker", "SESWorker", "ActivityWorker", *(("CentralWorker",) if CENTRAL else ()))
SCRIPTS = Path(__file__).parent / "scripts"
READY = "is ready: "

# A busy machine is no mistake.
hypothesis.settings.register_profile("oet", deadline=None)
hypothesis.settings.load_profile("oet")

# Ignored in the background of a shell, and then by all who are started here, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Events:
    """Everything the event stream of a server said, collected in the background."""

    def __init__(self, server: Server, **query: Any) -> None:
        self._changed = threading.Condition()
        self.all: list[dict[str, Any]] = []
        self.ended = False
        headers = {"Accept": "text/event-stream"}
        if (authorization := server.session.headers.get("Authorization")) is not None:
            headers["Authorization"] = str(authorization)
        if (after := query.pop("after", None)) is not None:
            headers["Last-Event-ID"] = str(after)
        address = urllib.parse.urlsplit(server.url)
        self._connection = http.client.HTTPConnection(address.netloc, timeout=60)
        self._connection.connect()
        self._socket = self._connection.sock
        path = f"{address.path}/stream?{urllib.parse.urlencode(query)}"
        self._connection.request("GET", path, headers=headers)
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.read()
        assert self._response.readline().startswith(b":")  # from here on nothing is missed
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        event: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while line := self._response.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    event["seq"] = int(value)
                elif name == "data":
                    event |= json.loads(value)
                elif name == "event":
                    event["event"] = value
                elif line == b"\n" and event:
                    with self._changed:
                        self.all.append(event)
                        self._changed.notify_all()
                    event = {}
        self._response.close()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait(self, wanted: Callable[[dict[str, Any]], bool], timeout: float = 30) -> dict[str, Any]:
        """The first event that is wanted, waiting for it if need be."""
        deadline, seen = time.monotonic() + timeout, 0
        with self._changed:
            while True:
                for event in self.all[seen:]:
                    if wanted(event):
                        return event
                seen = len(self.all)
                left = deadline - time.monotonic()
                assert left > 0, f"not seen within {timeout} s; seen: {[e.get('topic') for e in self.all]}"
                self._changed.wait(left)

    def topics(self, prefix: str = "") -> list[str]:
        """The topics seen, in order."""
        return [e["topic"] for e in self.all if e.get("topic", "").startswith(prefix)]

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self._connection.close()


class Server:
    """One `oet-server`, started from its console script or module like a user would."""

    command: tuple[str, ...] = (sys.executable, "-m", "ska_oso_oet.server")

    def __init__(self, state: Path, **settings: str) -> None:
        self.state = state
        self.settings = {
            "OET_STATE_DIR": str(state),
            "OET_PORT": "0",
            "SCRIPTS_LOCATION": str(SCRIPTS),
            "OET_PRELOAD": "",
            "OET_STOP_GRACE": "2 s",
            "OET_GIT_ALLOWED": "all,http://127.0.0.1",  # where the tests have their repositories
            "UV_HTTP_TIMEOUT": "10",  # a package index that stalls is asked again soon
            **settings,
        }
        if CENTRAL and "OET_DATABASE_URL" not in settings:
            self.settings["OET_DATABASE_URL"] = shared().database()
        self.log = state.parent / f"{state.name}.log"
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self.session = requests.Session()
        self.session.trust_env = False  # looking for proxies takes longer than a request
        self.session.headers["Accept"] = "application/json"

    # -- life --------------------------------------------------------------------------------------

    def start(self) -> Server:
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.settings},
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert READY in line, f"{line}\n{self.log.read_text()}"
        self.url = line.split(READY)[1].strip().replace("//0.0.0.0:", "//127.0.0.1:")
        return self

    def stop(self) -> int:
        assert self.process is not None
        self.session.close()  # a connection kept alive would be waited for
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def worker(self, role: str) -> psutil.Process:
        """The process of a worker: bus, ses, activity, rest or central."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if child.name() == f"oet-{role}":
                    return child
        raise LookupError(role)

    def kill(self, role: str) -> None:
        """SIGKILL a worker and wait until it is gone."""
        victim = self.worker(role)
        victim.kill()
        victim.wait(10)

    def ready(self, timeout: float = 20) -> None:
        """Wait until readiness is reported."""
        root = self.url.split("/ska-oso-oet")[0]
        until(lambda: requests.get(f"{root}/readyz", timeout=10).status_code == 200, timeout)

    def processes(self) -> list[psutil.Process]:
        """Every process whose arguments or environment name this state directory."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and (
                    process.environ().get("OET_STATE_DIR") == str(self.state)
                ):
                    found.append(process)
        return found

    # -- REST --------------------------------------------------------------------------------------

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, f"{self.url}{path}", timeout=90, **more)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.request("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, script: str, *args: Any, **kwargs: Any) -> int:
        """Create a procedure from a file in tests/scripts (or with an absolute path); returns its id."""
        body = {
            "script": {"script_type": "filesystem", "script_uri": f"file://{script}"},
            "script_args": {"init": {"args": args, "kwargs": kwargs}},
        }
        answer = self.request("POST", "/procedures", json=body)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def create_from_git(
        self, script: str, repository: str, *, create_env: bool = False, **git_args: Any
    ) -> int:
        """Create a procedure from a git repository; returns its id."""
        script_document = {
            "script_type": "git",
            "script_uri": f"git://{script}",
            "create_env": create_env,
            "git_args": {"git_repo": repository, **git_args},
        }
        answer = self.request("POST", "/procedures", json={"script": script_document})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def put(self, pid: int, **body: Any) -> requests.Response:
        return self.request("PUT", f"/procedures/{pid}", json=body)

    def start_main(self, pid: int, *args: Any, **kwargs: Any) -> dict[str, Any]:
        answer = self.put(pid, state="RUNNING", script_args={"main": {"args": args, "kwargs": kwargs}})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def stop_script(self, pid: int, abort: bool = False) -> dict[str, Any]:
        answer = self.put(pid, state="STOPPED", abort=abort)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def procedure(self, pid: int) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/procedures/{pid}")
        return found

    def wait_state(self, pid: int, *states: str, timeout: float = 30) -> dict[str, Any]:
        """Wait until a procedure is in one of these states."""
        events = Events(self, procedure=pid, topics="procedure.lifecycle")
        try:
            found = self.procedure(pid)
            final = {"COMPLETE", "FAILED", "STOPPED"}
            if found["state"] not in states:
                assert found["state"] not in final, found
                events.wait(lambda e: e.get("new_state") in {*states, *final}, timeout)
                found = self.procedure(pid)
            assert found["state"] in states, found
            return found
        finally:
            events.close()

    def run(self, script: str, *args: Any, init: dict[str, Any] | None = None, **kwargs: Any) -> int:
        """Create, wait for READY and start; returns the id."""
        pid = self.create(script, **(init or {}))
        self.wait_state(pid, "READY")
        self.start_main(pid, *args, **kwargs)
        return pid

    def ended(self, pid: int, timeout: float = 30) -> dict[str, Any]:
        """Wait until a procedure is final."""
        return self.wait_state(pid, "COMPLETE", "FAILED", "STOPPED", timeout=timeout)

    def output(self, pid: int, **params: Any) -> str:
        return "".join(chunk["text"] for chunk in self.get(f"/procedures/{pid}/output", **params)["chunks"])


def until(true: Callable[[], bool], timeout: float = 20) -> None:
    """Wait until something outside our event stream is true; fails when it does not come true."""
    deadline = time.monotonic() + timeout
    while True:
        with contextlib.suppress(requests.RequestException):
            if true():
                return
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.01)


@contextlib.contextmanager
def serving(state: Path, **settings: str) -> Iterator[Server]:
    """A server for a block; afterwards nothing of it may be left."""
    server = Server(state, **settings)
    try:
        yield server.start()
    finally:
        if server.process is not None:
            server.stop()
    if CENTRAL:
        _require_copied(server)
    left = server.processes()
    for process in left:
        process.kill()
    assert not left, f"left behind: {left}"


def _require_copied(server: Server) -> None:
    """What is in the central history is what is in the journal, as far as it was copied."""
    url, file = server.settings["OET_DATABASE_URL"], server.state / "journal.db"
    if url.startswith("postgresql") and file.exists():
        subarray = int(server.settings.get("OET_SUBARRAY_ID", 1))
        there = {row[0]: row for row in copied(shared(), url, subarray, "messages")}
        here = {row[0]: row for row in written(file, "messages") if row[0] <= max(there)}
        assert {seq: there[seq] for seq in here} == here


_LONG = 2**21  #: bytes of a journal from which on a past makes whoever lists all of it slow


class Common:
    """A server for one module after the other; a new one where the last has not left it as it was."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._life = contextlib.ExitStack()
        self._server: Server | None = None
        self._was: object = None

    def server(self) -> Server:
        if self._server is None:
            self._server = self._life.enter_context(serving(self._folders.mktemp("oet") / "state"))
            self._was = self._is(self._server)
        return self._server

    def tidy(self) -> None:
        """Stop what lives, and part with a server that is another than it was."""
        with contextlib.suppress(AssertionError, LookupError, OSError, psutil.Error):
            assert self._server is not None
            for procedure in self._server.get("/procedures"):
                if procedure["outcome"] is None:
                    self._server.put(procedure["id"], state="STOPPED")  # unless it has just ended
            small = (self._server.state / "journal.db").stat().st_size < _LONG
            if small and self._is(self._server) == self._was:
                return
        self.close()

    def _is(self, server: Server) -> object:
        """Its processes and all that it says of itself, but for what any server has more and less of."""
        workers = [server.worker(role) for role in ("bus", "ses", "activity", "rest")]
        changes = {"reads", "disk_free"}
        status = {name: value for name, value in server.get("/status").items() if name not in changes}
        return server.process, workers, workers[-1].children(), status, dict(server.session.headers)

    def close(self) -> None:
        self._server = None
        self._life.close()


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Common]:
    found = Common(tmp_path_factory)
    yield found
    found.close()


@pytest.fixture(scope="session")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Common]:
    found = Common(tmp_path_factory)
    yield found
    found.close()


@pytest.fixture(scope="module")
def server(common: Common) -> Iterator[Server]:
    """A server shared by the tests of a module, and with other modules; it has a past."""
    yield common.server()
    common.tidy()


@pytest.fixture
def own_server(spare: Common) -> Iterator[Server]:
    """A server for one test, which may harm it; nobody has harmed it before, but it has a past."""
    yield spare.server()
    spare.tidy()


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has used before."""
    with serving(tmp_path / "state") as found:
        yield found


@pytest.fixture
def postgresql() -> PostgreSQL:
    """PostgreSQL for all tests of this process. Who kills it starts it again."""
    return shared()


@pytest.fixture
def centre(postgresql: PostgreSQL) -> str:
    """The URL of an empty database."""
    return postgresql.database()


def pytest_sessionfinish() -> None:
    end_shared()

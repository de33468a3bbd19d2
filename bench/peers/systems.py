"""The systems that are compared, by what one driver asks of each."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable
from typing import Any

import psutil


class Connection:
    """The leanest client: one connection that is kept open."""

    def __init__(self, port: int, base: str = "", headers: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._base = base
        self._headers = {"Content-Type": "application/json", **(headers or {})}

    def renew(self) -> None:
        """Connect anew at the next request: servers close connections that were idle for a while."""
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; returns the answer's JSON.

        :raises AssertionError: if it is refused
        """
        data = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, self._base + path, data, self._headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        assert answer.status < 300, text
        return json.loads(text)


class System:
    """One system: `create` asks for a job, `begin` starts it, `done` tells whether it has ended."""

    name: str
    version: str

    def __init__(self, connection: Connection, processes: Callable[[], list[psutil.Process]]) -> None:
        self.connection = connection
        self._processes = processes

    def create(self) -> str:
        """Have a job made; returns its id."""
        raise NotImplementedError

    def begin(self, job: str) -> None:
        """Start it."""
        raise NotImplementedError

    def done(self, job: str) -> bool:
        """Whether it has ended."""
        raise NotImplementedError

    def read_one(self, job: str) -> None:
        """Read what there is to know about it."""
        self.done(job)

    def prepared(self, job: str) -> None:
        """Wait until it may be started."""

    def read_any(self) -> None:
        """Read something that is always there."""
        raise NotImplementedError

    def memory(self) -> tuple[float, int]:
        """PSS of all its processes in MiB, and their number."""
        processes = self._processes()
        sizes = []
        for process in processes:
            with contextlib.suppress(psutil.Error):
                sizes.append(process.memory_full_info().pss / 2**20)
        return sum(sizes), len(sizes)


class Oet(System):
    name = "OET"
    script = ""

    def read_any(self) -> None:
        self.connection.call("GET", "/status")

    def create(self) -> str:
        script = {"script_type": "filesystem", "script_uri": f"file://{self.script}"}
        return str(self.connection.call("POST", "/procedures", {"script": script})["id"])

    def prepared(self, job: str) -> None:
        while self.connection.call("GET", f"/procedures/{job}")["state"] != "READY":
            pass

    def begin(self, job: str) -> None:
        self.connection.call("PUT", f"/procedures/{job}", {"state": "RUNNING"})

    def done(self, job: str) -> bool:
        state = self.connection.call("GET", f"/procedures/{job}")["state"]
        assert state in ("RUNNING", "COMPLETE"), state
        return bool(state == "COMPLETE")


class Blueapi(System):
    name = "blueapi"

    def read_any(self) -> None:
        self.connection.call("GET", "/environment")

    def create(self) -> str:
        task = {"name": "trivial", "params": {}, "instrument_session": "cm1-1"}
        return str(self.connection.call("POST", "/tasks", task)["task_id"])

    def begin(self, job: str) -> None:
        self.connection.call("PUT", "/worker/task", {"task_id": job})

    def done(self, job: str) -> bool:
        task = self.connection.call("GET", f"/tasks/{job}")
        assert not task["errors"], task
        if not task["is_complete"]:
            return False
        # The next one is refused until the worker is idle, too.
        return bool(self.connection.call("GET", "/worker/state") == "IDLE")

    def read_one(self, job: str) -> None:
        self.connection.call("GET", f"/tasks/{job}")


class QueueServer(System):
    name = "queueserver"

    def read_any(self) -> None:
        self.connection.call("GET", "/status")

    def create(self) -> str:
        item = {"name": "trivial", "item_type": "plan"}
        self._finished = self._history() + 1
        answer = self.connection.call("POST", "/queue/item/add", {"item": item})
        assert answer["success"], answer
        return str(answer["item"]["item_uid"])

    def begin(self, job: str) -> None:
        answer = self.connection.call("POST", "/queue/start")
        assert answer["success"], answer

    def done(self, job: str) -> bool:
        status = self.connection.call("GET", "/status")
        return bool(status["items_in_history"] >= self._finished and status["manager_state"] == "idle")

    def read_one(self, job: str) -> None:
        self.connection.call("GET", "/status")

    def _history(self) -> int:
        return int(self.connection.call("GET", "/status")["items_in_history"])

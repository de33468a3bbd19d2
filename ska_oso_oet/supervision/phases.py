"""The phases of a run (environment, load, init, ready, main), as its runner tells them.

Standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from ..preparation.cache import hold
from ..runs.directory import RunDirectory
from .reporter import Reporter
from .runner_link import RunnerLink


class Phases:
    """Records in which phase a run is, and limits how long each may take.

    A script whose code is loaded can forge what its runner says, so a saying counts in its own phase only:
    nothing that has happened can be changed by it.

    :param runner: process id of the runner
    :param overdue: called with the limit, in seconds, of a phase that takes longer
    """

    def __init__(
        self,
        spec: dict[str, Any],
        directory: RunDirectory,
        link: RunnerLink,
        reporter: Reporter,
        runner: int,
        overdue: Callable[[float], None],
    ) -> None:
        self._limits = spec["limits"]
        self._directory = directory
        self._link = link
        self._reporter = reporter
        self._runner = runner
        self._overdue = overdue
        self._limit: asyncio.TimerHandle | None = None
        self._left: float | None = None  #: seconds left to a phase whose limit stands still
        self._start_order: dict[str, Any] | None = None
        self._next_order: dict[str, Any] | None = None  #: of another request, in case that one is unsuited
        self._unsuited = False  #: whether a start was answered so
        self.sha256: str | None = None  #: of the script's file as it was loaded
        self._withdrawn = False  #: whether the order that the runner may have is void
        if "git" in spec:
            self._record_states("PREP_ENV")
            self._enter("environment")
        else:
            self._record_states("LOADING")
            self._enter("load")

    def start(self, order: dict[str, Any]) -> None:
        """Have ``main`` called, once; a strict order may be answered as unsuited instead.

        A service that was restarted may repeat an order, or give one that knows nothing of the last.
        """
        if self.current != "ready":
            return
        if self._start_order is not None:
            if self._withdrawn or order["request_id"] != self._start_order["request_id"]:
                self._next_order = order
        else:
            self._start_order = order
            fields = {
                "main": order["main"],
                "context": order["context"],
                "strict": order.get("strict", False),
            }
            self._link.say({"hear": "start", **fields})

    def withdraw(self, request_id: str | None) -> None:
        """Void the order of one request, unless ``main`` is called already; a record tells that."""
        if self.current == "ready":
            if self._next_order is not None and self._next_order["request_id"] == request_id:
                self._next_order = None
            if self._start_order is not None and self._start_order["request_id"] == request_id:
                self._withdrawn = True
            self._reporter.record({"kind": "withdrawn", "request_id": request_id})

    def withdraw_all(self) -> None:
        """Void every order that has not begun: a service that was restarted repeats those that hold."""
        self._next_order, self._withdrawn = None, self._start_order is not None

    def stand_still(self) -> None:
        """Do not count the time from now on: the script waits for the operator."""
        if self._limit is not None and self._left is None:
            self._left = max(0.0, self._limit.when() - asyncio.get_running_loop().time())
            self._limit.cancel()

    def go_on(self) -> None:
        """Count the time again."""
        if self._left is not None:
            limit = self._limits[self.current]
            loop = asyncio.get_running_loop()
            self._limit = loop.call_later(self._left, self._overdue, limit)
            self._left = None

    def close(self) -> None:
        """Limit no phase any more."""
        self._left = None
        if self._limit is not None:
            self._limit.cancel()

    def said(self, said: dict[str, Any]) -> None:
        """Take in a saying of the runner."""
        match said["say"]:
            case "resolved" if self.current == "environment":
                self._resolved(said["commit"], said["branch"])
            case "prepared" if self.current == "environment":
                for entry in said["uses"]:
                    hold(str(entry))
                self._link.say({"hear": "held"})
                self._record_states("IDLE", "LOADING")
                self._enter("load")
            case "loaded" if self.current == "load":
                self.sha256 = said.get("sha256")
                self._record_states("IDLE")
                if "init" in said:
                    self._reporter.record({"kind": "state", "state": "INITIALISING", "init": said["init"]})
                    self._enter("init")
                else:
                    self._ready()
            case "initialised" if self.current == "init":
                self._ready()
            case "unsuited" | "calling" if self.current == "ready" and self._withdrawn:
                self._start_order, self._withdrawn = None, False
                if said["say"] == "calling":
                    self._link.say({"hear": "withdrawn"})
                self._start_next()
            case "unsuited" if self.current == "ready" and (order := self._start_order) is not None:
                self._start_order, self._unsuited = None, True
                fields = {"why": said["why"], "request_id": order["request_id"]}
                self._reporter.record({"kind": "unsuited", **fields})
                self._start_next()
            case "calling" if self.current == "ready" and self._start_order is not None:
                fields = {key: self._start_order[key] for key in ("request_id", "user")}
                given = self._start_order["main"]
                self._reporter.record({"kind": "started", "main": said["main"], "given": given, **fields})
                self._enter("main")
                self._link.say({"hear": "call"})
            case "calling" if self.current == "ready" and self._unsuited:
                self._overdue(0.0)  # one of the two was forged: nobody may run unseen

    def _start_next(self) -> None:
        if (following := self._next_order) is not None:
            self._next_order = None
            self.start(following)

    def _enter(self, phase: str) -> None:
        self.current = phase
        self.close()
        limit = self._limits.get(phase)
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(limit, self._overdue, limit) if limit else None

    def _record_states(self, *states: str) -> None:
        self._reporter.record(*({"kind": "state", "state": state} for state in states))

    def _ready(self) -> None:
        self._reporter.record({"kind": "ready", "pid": self._runner, "sha256": self.sha256})
        self._enter("ready")

    def _resolved(self, commit: str, branch: str | None) -> None:
        self._reporter.record({"kind": "resolved", "commit": commit, "branch": branch})
        spec = self._directory.read("spec.json")
        if spec is not None:
            spec["script"]["git_args"] |= {"resolved_commit": commit, "resolved_branch": branch}
            with contextlib.suppress(OSError):
                self._directory.write("spec.json", spec)

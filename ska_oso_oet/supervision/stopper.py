"""Ends a script: SIGTERM, and SIGKILL once its time for a clean-up is over. Standard library only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any

from ..kernel import processes
from ..kernel.isolation import Isolation
from ..runs.directory import RunDirectory
from ..runs.survivors import KILL_TIMEOUT, kill
from .messages import Messages
from .pace import PaceKeeper
from .reporter import Reporter
from .runner_link import RunnerLink


class Stopper:
    """Stops one script, in stages that are recorded.

    :param runner: process id of the runner
    :param ended: set once its process has ended, or cannot be ended
    """

    def __init__(
        self,
        spec: dict[str, Any],
        runner: int,
        ended: asyncio.Event,
        directory: RunDirectory,
        link: RunnerLink,
        reporter: Reporter,
    ) -> None:
        self.intent: dict[str, Any] | None = None  #: the order to stop, once there is one
        self.killed = False  #: whether it needed SIGKILL after a stop
        self.overstayed = False  #: whether the script was killed because it did not end by itself
        self._kill_timer: asyncio.TimerHandle | None = None
        self._spec = spec
        self._runner = runner
        self._ended = ended
        self._directory = directory
        self._link = link
        self._reporter = reporter

    def stop(self, order: dict[str, Any], messages: Messages, pace: PaceKeeper) -> None:
        """Stop it; may be called again."""
        if self._ended.is_set():
            return
        if self.intent is None:
            self.intent = order
            self._reporter.stage("intent")
            with contextlib.suppress(OSError):
                self._directory.say_why(order["why"], Isolation.from_dict(self._spec["isolation"]))
            self._force(order)
            self._terminate()
            messages.hurry()
            self._reporter.stage("terminate")
            now = asyncio.get_running_loop().time()
            self._kill_at(now + self._spec["grace"], now, pace)
            return
        self.intent["abort"] = self.intent.get("abort") or order.get("abort", False)
        if order.get("force") and not self.intent.get("force"):
            self.intent["force"] = True
            self._force(order)
            now = asyncio.get_running_loop().time()
            self._kill_at(now + self._spec["grace"], now, pace)
        if order["why"] == "stop":
            self._terminate()  # for a script that has swallowed the first; no clean-up is cut short by it

    def _force(self, order: dict[str, Any]) -> None:
        """Have a section interrupted that is not to be."""
        if order.get("force"):
            self._link.say({"hear": "force"})

    def _terminate(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._runner, signal.SIGTERM)

    def _kill_at(self, due: float, stopped: float, pace: PaceKeeper) -> None:
        if self._kill_timer is not None:
            self._kill_timer.cancel()  # a forced stop gives the clean-up its whole time from then on
        self._kill_timer = asyncio.get_running_loop().call_at(due, self._kill_if_due, stopped, pace)

    def _kill_if_due(self, stopped: float, pace: PaceKeeper) -> None:
        """Kill, unless a section that was not to be interrupted has used up the time for the clean-up."""
        assert self.intent is not None
        critical = 0.0 if self.intent.get("force") else pace.critical_until
        begun = max(stopped, min(critical, stopped + self._spec["critical_limit"]))
        due = begun + self._spec["grace"]
        if due > asyncio.get_running_loop().time():
            self._kill_at(due, stopped, pace)
        else:
            self._kill()

    def _kill(self) -> None:
        if not self._ended.is_set():
            self.killed = True
            self._reporter.stage("kill")
            self.kill_everything()
            asyncio.get_running_loop().call_later(KILL_TIMEOUT, self._ended.set)

    def kill_everything(self) -> None:
        """Send SIGKILL to all of the run."""
        # The runner may not have its mark yet. Once it has ended, its number may be another process's.
        with contextlib.suppress(ProcessLookupError):
            if not self._ended.is_set():
                os.kill(self._runner, signal.SIGKILL)
        kill(processes.of_run(self._spec["mark"], os.getpid()))

    def overstay(self) -> None:
        """The script has not ended in time after its functions had."""
        if not self._ended.is_set() and self.intent is None:
            self.overstayed = True
            self.kill_everything()
            asyncio.get_running_loop().call_later(KILL_TIMEOUT, self._ended.set)

"""The pace of a script, in its own process: checkpoints, progress, questions, sections not to be stopped.

The library for scripts finds it under :data:`MODULE`; scripts that use none of it never come here. What is
used here is bound when this module is imported, before the script is. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from _thread import allocate_lock, get_ident
from collections.abc import Callable, Iterator, Sequence
from time import time
from types import ModuleType
from typing import Any

from .dry_run import DryRun
from .pace_report import PaceReport, number, seconds, whole_number
from .stopping import Stop
from .wanted_pause import WantedPause

#: The name under which the library for scripts finds this process's :class:`Pacing`.
MODULE = "_oet_pacing"

_MOST_CHECKPOINTS = 50  #: names of checkpoints that are told
_LONGEST = 200  #: characters of a text

Say = Callable[..., None]


class Pacing:
    """What a script tells of its pace, and how it learns what the operator wants; made in its main thread.

    :param say: tells the supervisor something
    :param stop: the stop of the script
    """

    def __init__(self, say: Say, stop: Stop) -> None:
        self._say = say
        self._stop = stop
        self._main, self._pid = get_ident(), os.getpid()
        self._running = False  #: whether ``main`` runs
        self._critical_limit = 0.0
        self._wanted: WantedPause | None = None
        self._change = allocate_lock()  #: released when a pause ends
        self._change.acquire()
        self._critical = 0  #: how many critical sections the main thread is in
        self._checkpoints: dict[str, dict[str, Any]] = {}
        self._report = PaceReport(say)
        self._dry_run: DryRun | None = None
        self._asking = allocate_lock()
        self._questions = 0
        self._answered = allocate_lock()
        self._answered.acquire()
        self._answer: dict[str, Any] = {}

    def offer(self, critical_limit: float, simulated: bool) -> None:
        """Let the script find this.

        :param critical_limit: the most seconds that a section may delay a stop
        :param simulated: whether this is a dry run
        """
        if simulated:
            self._dry_run = DryRun()
            self._dry_run.begin()
        self._critical_limit = critical_limit
        module = ModuleType(MODULE)
        vars(module)["pacing"] = self
        sys.modules[MODULE] = module

    @contextlib.contextmanager
    def during_main(self) -> Iterator[None]:
        """While the script's ``main`` runs; at its end, what is not told yet is told."""
        self._running = True
        try:
            yield
        finally:
            self._running = False
            if self._dry_run is not None:
                self._report.tell_soon(dry_run=self._dry_run.report)
            self._report.tell()

    # -- orders of the supervisor; in the thread that hears them ----------------------------------------

    def hear(self, order: dict[str, Any]) -> None:
        """Take in an order: ``pause``, ``resume``, ``answer`` or ``force``."""
        match order["hear"]:
            case "pause":
                self._wanted = WantedPause(order["number"], order["at"])
            case "resume":
                self._wanted = None
                _release(self._change)
            case "answer" if order["n"] == self._questions:
                self._answer = order
                _release(self._answered)
            case "force":
                self._stop.expose()

    # -- checkpoints -------------------------------------------------------------------------------------

    def checkpoint(
        self,
        name: str,
        n: int | None,
        of: int | None,
        pausing: Callable[[], Any] | None,
        resuming: Callable[[], Any] | None,
    ) -> None:
        """Return at once, or stand here while the operator wants a pause."""
        if not self._in_main():
            warnings.warn(
                f"checkpoint {name!r} is passed: only the main thread of main() can pause", stacklevel=3
            )
            return
        name = str(name)[:_LONGEST]
        place = {"name": name, "n": whole_number(n), "of": whole_number(of)}
        self._pass(place)
        wanted = self._wanted
        if wanted is not None and not self._critical and wanted.matches(place):
            self._stand(wanted, place, pausing, resuming)

    def _pass(self, place: dict[str, Any]) -> None:
        passes = self._checkpoints.get(place["name"], {"passes": 0})["passes"] + 1
        if passes > 1 or len(self._checkpoints) < _MOST_CHECKPOINTS:
            self._checkpoints[place["name"]] = {**place, "time": time(), "passes": passes}
            self._report.tell_soon(checkpoints=self._checkpoints)
            if passes == 1:
                self._report.tell()

    def _stand(
        self,
        wanted: WantedPause,
        place: dict[str, Any],
        pausing: Callable[[], Any] | None,
        resuming: Callable[[], Any] | None,
    ) -> None:
        if pausing is not None:
            pausing()
        self._report.tell()
        self._say("paused", number=wanted.number, **place)
        while self._wanted is wanted:
            self._change.acquire()  # a stop is raised here
        if resuming is not None:
            resuming()

    def _in_main(self) -> bool:
        return self._running and get_ident() == self._main and os.getpid() == self._pid

    # -- sections that are not to be stopped -------------------------------------------------------------

    def enter_critical(self, name: str, at_most: float) -> bool:
        """Delay a stop from now on; tells whether it can be."""
        if get_ident() != self._main or os.getpid() != self._pid:
            warnings.warn(
                f"the section {name!r} is stopped as usual: only the main thread can delay a stop",
                stacklevel=3,
            )
            return False
        self._critical += 1
        if self._critical == 1:
            at_most = min(seconds(at_most) or 0.0, self._critical_limit)
            self._stop.shield(at_most)
            self._say("critical", name=str(name)[:_LONGEST], at_most=at_most)
        return True

    def leave_critical(self) -> None:
        """Raise a stop that was delayed."""
        self._critical -= 1
        if self._critical == 0:
            self._say("uncritical")
            self._stop.expose()

    # -- reports -----------------------------------------------------------------------------------------

    def progress(self, done: float, of: float | None, unit: str, text: str) -> None:
        """Tell how far the script is; the last word of a second is told."""
        known, whole = number(done), number(of)
        if known is None or (of is not None and whole is None):
            warnings.warn(f"progress is not told: {done!r} of {of!r} are no two numbers", stacklevel=3)
            return
        texts = {"unit": str(unit)[:_LONGEST], "text": str(text)[:_LONGEST]}
        self._report.tell_soon(progress={"done": known, "of": whole, **texts, "time": time()})

    def estimate(self, given: Any) -> None:
        """Tell how long the script takes in all."""
        known = seconds(given)
        if known is None:
            warnings.warn(f"the estimate is not told: {given!r} is no time in seconds", stacklevel=3)
            return
        about = {"seconds": known, "low": None, "high": None, "source": "script", "runs": None}
        self._report.tell_soon(estimate=about)

    def dry_command(self, device: str, command: str, seconds: float) -> None:
        """A command was not sent, since this is a dry run."""
        if self._dry_run is not None:
            self._dry_run.command(device, command, seconds)
            self._report.tell_soon(dry_run=self._dry_run.report)

    # -- questions ---------------------------------------------------------------------------------------

    def ask(
        self, question: str, choices: Sequence[str] | None, timeout: float | None, default: str | None
    ) -> str:
        """Ask the operator, and wait for the answer.

        :raises RuntimeError: if ``main`` does not run
        :raises TimeoutError: if nobody answers in time, and there is no default
        """
        if not self._running or os.getpid() != self._pid:
            raise RuntimeError("ask() needs an operator who watches: call it in main()")
        with self._asking:
            self._questions += 1
            self._say(
                "ask",
                n=self._questions,
                text=question,
                choices=None if choices is None else list(choices),
                timeout=timeout,
                default=default,
            )
            self._answered.acquire()
            answer: str | None = self._answer["answer"]
        if answer is None:
            raise TimeoutError(f"nobody has answered within {timeout:g} s: {question}")
        return answer


def _release(lock: Any) -> None:
    if lock.locked():
        lock.release()

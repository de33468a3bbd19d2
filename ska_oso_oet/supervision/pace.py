"""The pace of one script, as its supervisor keeps it: pauses, questions, reports, sections not to be stopped.

The supervisor decides, since it outlives SESWorker and the script cannot forge its records. Standard library
only.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

from ..domain.pace import NO_PAUSE, Pace
from . import pace_report
from .phases import Phases
from .question import Question
from .reporter import Reporter
from .runner_link import RunnerLink

Order = dict[str, Any]

_ENDING = "its script is being stopped, or has ended"
_NOT_YET = "its script does not run yet"

_REMINDED_LATER = 3  #: each reminder of a pause comes after this many times as long as the last


class PaceKeeper:
    """Carries out what the operator wants of the pace, and records what becomes of it.

    :param spec: of the run; ``pause_reminder`` is in seconds, none or 0 for no reminders
    """

    def __init__(self, spec: dict[str, Any], link: RunnerLink, reporter: Reporter, phases: Phases) -> None:
        self._remind_after = spec["pause_reminder"]
        self._critical_limit = spec["critical_limit"]
        self._link = link
        self._reporter = reporter
        self._phases = phases
        self._pace = Pace()
        self._number = 0  #: of the last pause
        self._note: str | None = None  #: the operator's
        self._reminder: asyncio.TimerHandle | None = None
        self._known: dict[str | None, dict[str, Any]] = {}  #: requests, and why they were refused
        #: Monotonic time at which the last section ended, or ends at the latest, that delays a stop.
        self.critical_until = 0.0
        self._question = Question(link, reporter)

    # -- orders ------------------------------------------------------------------------------------

    def ordered(self, order: Order, ending: bool) -> None:
        """Carry out an order, ``pause`` or ``answer``, once, unless it comes too late.

        A service that was restarted repeats an order, and waits for a record of it again.

        :param ending: whether the script is being stopped
        """
        about = {"request_id": order["request_id"], "user": order["by"]}
        known = self._known.get(order["request_id"])
        if known is not None:
            self._reporter.record({"kind": order["op"], "what": "unchanged", **known, **about})
        elif time.time() <= order["expires"]:
            refusal = self._carry_out(order, about, ending)
            self._known[order["request_id"]] = refusal
            if refusal:
                self._reporter.record({"kind": order["op"], **refusal, **about})

    def _carry_out(self, order: Order, about: dict[str, Any], ending: bool) -> dict[str, Any]:
        """Returns why it is refused, as fields of a record; none if it is not."""
        if ending or self._phases.current != "main":
            return {"what": "refused", "why": _ENDING if ending else _NOT_YET}
        if order["op"] == "answer":
            return self._question.answer(order, about)
        if order["wanted"]:
            self._want_pause(order, about)
        else:
            self._want_none(order, about)
        return {}

    def _want_pause(self, order: Order, about: dict[str, Any]) -> None:
        if self._state == "paused":
            self._record_pause("unchanged", {}, about)
            return
        self._number += 1
        self._note = note = order["note"]
        if not self._pace.checkpoints:
            note = "; ".join([*([note] if note else []), "this script has passed no checkpoint so far"])
        wanted = {**NO_PAUSE, "state": "requested", "at": order["at"], "by": order["by"], "note": note}
        self._record_pause("requested", wanted, about)
        self._link.say({"hear": "pause", "number": self._number, "at": order["at"]})

    def _want_none(self, order: Order, about: dict[str, Any]) -> None:
        what = {"requested": "withdrawn", "paused": "resumed"}.get(self._state)
        if what is None:
            self._record_pause("unchanged", {}, about)
            return
        self._record_pause(what, {**NO_PAUSE, "by": order["by"]}, about)
        self._go_on()
        self._link.say({"hear": "resume"})

    # -- what the script tells ---------------------------------------------------------------------

    def said(self, said: dict[str, Any]) -> None:
        """Take in a saying of the runner about its pace."""
        match said["say"]:
            case "paused" if self._state == "requested" and said["number"] == self._number:
                place = {"checkpoint": said["name"], "n": said["n"], "of": said["of"], "note": self._note}
                self._record_pause("paused", {**self._pace.pause, **place, "state": "paused"}, {})
                self._phases.stand_still()
                self._remind_later(self._remind_after)
            case "critical":
                self.critical_until = time.monotonic() + min(said["at_most"], self._critical_limit)
            case "uncritical":
                self.critical_until = min(self.critical_until, time.monotonic())
            case "ask" if self._phases.current == "main":
                self._question.ask(said)
            case "pace":
                self._pace = self._pace.with_report(pace_report.checked(said["report"]))
                self.tell()

    def tell(self) -> None:
        """Tell the service the last report: a new one, or again to a service that was restarted."""
        if report := self.report:
            self._reporter.pace(report)

    @property
    def report(self) -> dict[str, Any]:
        """What the script has told last."""
        pace = self._pace
        known = {
            **{"progress": pace.progress, "checkpoints": list(pace.checkpoints)},
            **{"estimate": pace.estimate, "dry_run": pace.dry_run},
        }
        return {name: value for name, value in known.items() if value}

    # -- the end -----------------------------------------------------------------------------------

    def end(self, stopped: bool) -> None:
        """The script has ended: tell that it has outrun a pause."""
        self._go_on()
        self._question.close()
        if self._state == "requested" and not stopped:
            self._record_pause("missed", {**self._pace.pause, "state": "missed"}, {})

    # -- pauses ------------------------------------------------------------------------------------

    @property
    def _state(self) -> str:
        return str(self._pace.pause["state"])

    def _record_pause(self, what: str, pause: dict[str, Any], about: dict[str, Any]) -> None:
        now = time.time()
        if pause:
            self._pace = dataclasses.replace(self._pace, pause={**pause, "since": now})
        self._reporter.record(
            {"kind": "pause", "what": what, "time": now, "pause": self._pace.pause, **about}
        )

    def _remind_later(self, seconds: float | None) -> None:
        if seconds:
            loop = asyncio.get_running_loop()
            self._reminder = loop.call_later(seconds, self._remind, seconds)

    def _remind(self, seconds: float) -> None:
        self._reporter.record({"kind": "pause", "what": "reminder", "pause": self._pace.pause})
        self._remind_later(seconds * _REMINDED_LATER)

    def _go_on(self) -> None:
        self._phases.go_on()
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

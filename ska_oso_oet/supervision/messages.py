"""Recording the messages of a script, at no higher rate than the journal may grow. Standard library only."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from .message_rate import MessageRate
from .output_capture import OutputCapture
from .reporter import Reporter
from .runner_link import RunnerLink

_SLOWED = (
    "OET: this script sends more than {:g} messages per second (OET_MESSAGE_RATE) all the time; from now on "
    "sending one waits until there is room\n"
)
_ANNOUNCEMENT = "user.script.announce"
_LONGEST = 500  #: characters of an announcement that are kept as the outcome of an abort


class Messages:
    """Makes records of the messages of one script, and holds back a script that sends too many."""

    def __init__(
        self, spec: dict[str, Any], link: RunnerLink, output: OutputCapture, reporter: Reporter
    ) -> None:
        self.announced: str | None = None  #: the last announcement of an abort script
        self._began = time.time()
        self._limit = spec["message_rate"]
        self._aborting = bool(spec.get("aborting"))
        self._rate = MessageRate(self._limit)
        self._slowed = False
        self._link = link
        self._output = output
        self._reporter = reporter

    def count(self, messages: int, size: int) -> None:
        """Have a script wait that has sent more messages than it may, and tell it so, once."""
        seconds = self._rate.take(messages, size)
        if not seconds:
            return
        self._link.hold(seconds)
        if not self._slowed:
            self._slowed = True
            self._reporter.record({"kind": "slowed", "rate": self._limit})
            self._output.note(_SLOWED.format(self._limit))

    def hurry(self) -> None:
        """Hold nothing back: SIGTERM is raised in the script once the message it is sending is taken."""
        self._rate.refill()
        self._link.hurry()

    def take_in(self, said: list[dict[str, Any]], other: Callable[[dict[str, Any]], None]) -> None:
        """Record messages, those together that nothing else is said between.

        :param other: called with each of the other sayings, in order
        """
        for are_messages, group in itertools.groupby(said, lambda one: bool(one["say"] == "message")):
            if are_messages:
                self._reporter.record(*map(self._record_of, group))
            else:
                for one in group:
                    other(one)

    def _record_of(self, said: dict[str, Any]) -> dict[str, Any]:
        """The record of a message, with a time of our own if its time is none, or before or after the run."""
        at, topic, payload = said.get("time"), said["topic"], said["payload"]
        now = time.time()
        if not isinstance(at, (int, float)) or not self._began <= at <= now:
            at = now
        if topic == _ANNOUNCEMENT and self._aborting:
            text = payload.get("msg")
            # An abort announces last in which state the subarray is: the most useful outcome it can have.
            self.announced = text[:_LONGEST] if isinstance(text, str) else self.announced
        return {"kind": "message", "time": at, "topic": topic, "payload": payload}

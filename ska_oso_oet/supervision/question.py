"""The question that a script asks the operator, one at a time. Standard library only."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .reporter import Reporter
from .runner_link import RunnerLink

_LONGEST_REFUSAL = 500  #: characters


class Question:
    """Records a question and its answer, which the script gets once."""

    def __init__(self, link: RunnerLink, reporter: Reporter) -> None:
        self._link = link
        self._reporter = reporter
        self._open: dict[str, Any] | None = None
        self._limit: asyncio.TimerHandle | None = None

    def ask(self, said: dict[str, Any]) -> None:
        """Put a question to the operator."""
        if self._open is not None:
            return  # forged: the script's process asks one at a time
        now, timeout = time.time(), said["timeout"]
        self._open = {
            "state": "asked",
            **{name: said[name] for name in ("n", "text", "choices", "default")},
            "asked": now,
            "expires": None if timeout is None else now + timeout,
            "answer": None,
            "by": None,
            "answered": None,
        }
        self._reporter.record({"kind": "question", "what": "asked", "time": now, "question": self._open})
        if timeout is not None:
            self._limit = asyncio.get_running_loop().call_later(timeout, self._overdue)

    def answer(self, order: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
        """Give the script an answer; returns why it is refused, as fields of a record, if it is."""
        question, answer = self._open, order["answer"]
        if question is None:
            return {"what": "refused", "why": "its script asks nothing at the moment"}
        if order["n"] not in (None, question["n"]):
            return {"what": "refused", "why": f"it asks question {question['n']} now, not {order['n']}"}
        if question["choices"] is not None and answer not in question["choices"]:
            why = f"the answer must be one of {', '.join(question['choices'])}"[:_LONGEST_REFUSAL]
            return {"what": "refused", "why": why, "unsuited": True}
        self._close("answered", answer, order["by"], about)
        return {}

    def close(self) -> None:
        """The script has ended."""
        self._open = None
        if self._limit is not None:
            self._limit.cancel()

    def _overdue(self) -> None:
        if self._open is not None:
            self._close("default", self._open["default"], None, {})

    def _close(self, state: str, answer: str | None, by: str | None, about: dict[str, Any]) -> None:
        assert self._open is not None
        now = time.time()
        told = {**self._open, "state": state, "answer": answer, "by": by, "answered": now}
        self.close()
        self._reporter.record(
            {"kind": "question", "what": "answered", "time": now, "question": told, **about}
        )
        self._link.say({"hear": "answer", "n": told["n"], "answer": answer})

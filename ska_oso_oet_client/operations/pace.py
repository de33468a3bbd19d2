"""Operations on the pace of running scripts."""

from __future__ import annotations

from typing import Any

from ..model import Pause, Question
from .connection import Connection


class PaceOperations(Connection):
    """Pause, resume and answer scripts."""

    def pause_procedure(self, pid: int, at: str | None = None, note: str | None = None) -> Pause:
        """Have a running script pause at its next checkpoint.

        ``at`` is a regular expression for the whole name of the checkpoint. Returns at once,
        usually before the script has paused.
        """
        body = {"wanted": True, "at": at, "note": note}
        return self._change(Pause, "PUT", f"/procedures/{pid}/pause", body)

    def resume_procedure(self, pid: int) -> Pause:
        """Have a paused script go on, or not pause."""
        return self._change(Pause, "PUT", f"/procedures/{pid}/pause", {"wanted": False})

    def question(self, pid: int) -> Question:
        """The last question of the script."""
        return self._get(Question, f"/procedures/{pid}/question")

    def answer_question(self, pid: int, answer: str, n: int | None = None) -> Question:
        """Answer the question of a script; another one than number ``n`` is not answered."""
        body: dict[str, Any] = {"answer": answer} if n is None else {"answer": answer, "n": n}
        return self._change(Question, "PUT", f"/procedures/{pid}/question", body)

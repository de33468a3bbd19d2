"""Questions of scripts, for people."""

from __future__ import annotations

from ..model.pace import Question


def asked(pid: int, question: Question) -> str:
    """The question of a procedure, for people."""
    if question.state == "none":
        return f"Procedure {pid} has asked nothing"
    choices = f" ({', '.join(question.choices)})" if question.choices else ""
    text = f"Procedure {pid} asks: {question.text}{choices}"
    if question.is_open:
        return text
    if question.state == "default":
        return f"{text}; nobody answered in time: {question.answer or 'no default'}"
    return f"{text}; answered: {question.answer}" + (f" by {question.by}" if question.by else "")

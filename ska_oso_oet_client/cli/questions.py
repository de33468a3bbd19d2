"""Questions of scripts, for people."""

from __future__ import annotations

from ..model.pace import Question
from .times import Times


def asked(pid: int, question: Question, times: Times) -> str:
    """The question of a procedure, for people."""
    if question.state == "none":
        return f"Procedure {pid} has asked nothing"
    choices = f" ({', '.join(question.choices)})" if question.choices else ""
    text = f"Procedure {pid} asks: {question.text}{choices}"
    if question.is_open and question.expires is not None:
        when = times.in_a_sentence(question.expires)
        return f"{text}; at {when} it takes {question.default or 'no answer'}"
    if question.is_open:
        return text
    if question.state == "default":
        return f"{text}; nobody answered in time: {question.answer or 'no default'}"
    return f"{text}; answered: {question.answer}" + (f" by {question.by}" if question.by else "")

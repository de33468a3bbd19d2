"""Everything about one procedure, as sections of text."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import RUNNING, Outcome, Procedure
from .tables import MICROSECONDS, local_time, table

_INITIALISING = "INITIALISING"


def describe(procedure: Procedure) -> str:
    return "\n\n".join(_sections(procedure))


def _sections(procedure: Procedure) -> Iterator[str]:
    calls = _Calls(procedure)
    yield table(("ID", "Script", "URI"), [(procedure.id, procedure.script.uri, procedure.uri)])
    yield table(
        ("Time", "State"),
        [
            (local_time(change.time, MICROSECONDS), calls.numbered(change.state))
            for change in procedure.history
        ],
    )
    if calls.rows:
        yield table(("Index", "Method", "Arguments", "Keyword Arguments"), calls.rows)
    if procedure.script.is_git:
        script = procedure.script
        commit = script.resolved_commit or script.git_commit
        yield table(
            ("Repository", "Branch", "Commit"), [(script.git_repo, script.git_branch, commit)]
        )
    if procedure.outcome is not None:
        yield _outcome_table(procedure.outcome)
    if procedure.stacktrace:
        yield f"Stack Trace:\n{procedure.stacktrace.rstrip()}"


class _Calls:
    """The functions of the script that were or will be called, numbered from 1."""

    def __init__(self, procedure: Procedure) -> None:
        states = {change.state for change in procedure.history}
        called = []
        if _INITIALISING in states or procedure.init:
            called.append((_INITIALISING, "init", procedure.init))
        if RUNNING in states or procedure.main:
            called.append((RUNNING, "main", procedure.main))
        self._numbers = {state: n for n, (state, _, _) in enumerate(called, 1)}
        self.rows = [
            (n, method, repr(list(arguments.args)), repr(dict(arguments.kwargs)))
            for n, (_, method, arguments) in enumerate(called, 1)
        ]

    def numbered(self, state: str) -> str:
        return f"{state} {self._numbers[state]}" if state in self._numbers else state


def _outcome_table(outcome: Outcome) -> str:
    detail = " ".join((outcome.detail or "").split())
    row = (outcome.reason, outcome.exit_code, outcome.signal, outcome.by, detail)
    return table(("Outcome", "Exit code", "Signal", "By", "Detail"), [row])

"""Everything about one procedure, or about one activity, as sections of text."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..model import COMPLETE, READY, RUNNING, Activity, Procedure
from ..model.pace import NO_PAUSE, place
from ..terminal import printable, printable_lines
from .durations import duration, for_people
from .questions import asked
from .reruns import rerun_in_words
from .settings import typed
from .tables import PROCEDURE_ID, call_row, history_table, one_row, outcome_table, table
from .times import Times

_INITIALISING = "INITIALISING"
_ARGUMENTS_HEADING = "Script Arguments\n----------------\n"


def describe_procedure(procedure: Procedure, times: Times) -> str:
    return "\n\n".join(_procedure_sections(procedure, times))


def describe_activity(activity: Activity, times: Times) -> str:
    return "\n\n".join(_activity_sections(activity, times))


def _procedure_sections(procedure: Procedure, times: Times) -> Iterator[str]:
    calls = _Calls(procedure)
    headers = ("ID", "Script", "URI")
    row = (procedure.id, procedure.script.uri, procedure.uri)
    yield one_row(headers, row, long=("URI", "Script"))
    yield history_table(procedure.history, times, calls.numbered)
    yield from _how_long(procedure)
    if procedure.rerun_of is not None:
        yield printable_lines(rerun_in_words(procedure))
    if calls.rows:
        yield table(("Index", "Method", "Arguments", "Keyword Arguments"), calls.rows)
    if procedure.script.is_git:
        script = procedure.script
        commit = script.resolved_commit or script.git_commit
        branch = script.resolved_branch or script.git_branch
        headers = ("Repository", "Branch", "Commit")
        yield one_row(headers, (script.git_repo, branch, commit), long=("Repository", "Branch"))
    if procedure.slowed is not None:
        since = times.in_a_sentence(procedure.slowed)
        yield f"It sent too many messages, and had to wait where it sent them since {since}"
    yield from _pace(procedure, times)
    if procedure.outcome is not None:
        yield outcome_table(procedure.outcome)
        if procedure.outcome.result is not None:
            yield f"Result: {printable(json.dumps(procedure.outcome.result))}"
    if procedure.stacktrace:
        yield f"Stack Trace:\n{printable_lines(procedure.stacktrace.rstrip())}"


def _pace(procedure: Procedure, times: Times) -> Iterator[str]:
    pause, question = procedure.pause, procedure.question
    if pause.state != NO_PAUSE:
        where = f"a checkpoint that matches {pause.at}" if pause.at else "its next checkpoint"
        words = {"requested": f"Pauses at {where}", "missed": f"A pause at {where} was missed"}
        state = words.get(pause.state, f"Paused at {pause.place}")
        since = "" if pause.since is None else f" since {times.in_a_sentence(pause.since)}"
        by = f", by {pause.by}" if pause.by else ""
        yield printable(f"{state}{since}{by}" + (f": {pause.note}" if pause.note else ""))
    if procedure.progress is not None:
        yield _progress(procedure)
    if question is not None:
        yield printable(asked(procedure.id, question, times))
    if procedure.dry_run is not None:
        sent = [
            (f"{one.after:.0f} s", one.command, one.device, f"{one.seconds:g} s")
            for one in procedure.dry_run.commands
        ]
        if sent:
            yield table(("After", "Command", "Device", "Takes"), sent)
        lasted = for_people(procedure.dry_run.seconds)
        yield f"A dry run: it sent no commands, and would have taken {lasted}"
    if procedure.checkpoints:
        rows = [
            (one.name, one.passes, place(one.name, one.n, one.of), times.to_the_second(one.time))
            for one in procedure.checkpoints
        ]
        yield table(("Checkpoint", "Passes", "Last", "Time"), rows, numbers=("Passes",))


def _progress(one: Procedure | Activity) -> str:
    left = one.remaining
    after = ""
    if left is not None and left.seconds is not None:
        after = f"; {for_people(left.seconds)} left, by its {left.source}"
    return printable(f"Progress: {one.progress}{after}")


def _activity_sections(activity: Activity, times: Times) -> Iterator[str]:
    headers = ("ID", "Activity", "SB ID", PROCEDURE_ID, "State")
    row = (
        activity.id,
        activity.activity_name,
        activity.sbd_id,
        activity.procedure_id,
        activity.state,
    )
    yield table(headers, [row], numbers=(PROCEDURE_ID,))
    more = ("URI", "Prepare Only", *(["SBI ID"] if activity.sbi_id else []))
    cells = (activity.uri, activity.prepare_only, activity.sbi_id)[: len(more)]
    yield one_row(more, cells, long=("URI", "SBI ID"))
    yield history_table(activity.history, times)
    yield from _how_long(activity)
    if activity.rerun_of is not None:
        see = typed(f"procedure describe --pid={activity.procedure_id}")
        yield f"Rerun of {activity.rerun_of}; what differs: {see}"
    if activity.progress is not None:
        yield _progress(activity)
    if activity.execution_blocks:
        blocks = [
            (one.eb_id, one.status or "not in the archive") for one in activity.execution_blocks
        ]
        yield table(("Execution Block", "Status"), blocks)
    calls = [
        call_row(method, arguments)
        for method, arguments in (("init", activity.init), ("main", activity.main))
        if arguments
    ]
    if calls:
        yield _ARGUMENTS_HEADING + table(("Method", "Arguments", "Keyword Arguments"), calls)
    if activity.outcome is not None and activity.state != COMPLETE:
        yield outcome_table(activity.outcome)


def _how_long(one: Procedure | Activity) -> Iterator[str]:
    lasted = duration(one)
    words = [f"{one.state} {lasted}"] if lasted else []
    done: dict[str, list[str]] = {}
    for what, who in (
        ("created", one.created_by),
        ("started", one.started_by),
        ("stopped", one.stopped_by),
    ):
        if who is not None:
            done.setdefault(who, []).append(what)
    words += [f"{' and '.join(what)} by {printable(who)}" for who, what in done.items()]
    if words:
        text = ", ".join(words)
        yield text[0].upper() + text[1:]


class _Calls:
    """The functions of the script that were or will be called, numbered from 1."""

    def __init__(self, procedure: Procedure) -> None:
        states = {change.state for change in procedure.history}
        called = []
        # One that got further without it has no init, or did not get so far.
        over = procedure.is_final or READY in states
        if _INITIALISING in states or (procedure.init and not over):
            called.append((_INITIALISING, "init", procedure.init))
        if RUNNING in states or procedure.main:
            called.append((RUNNING, "main", procedure.main))
        self._numbers = {state: n for n, (state, _, _) in enumerate(called, 1)}
        self.rows = [
            (n, *call_row(method, arguments)) for n, (_, method, arguments) in enumerate(called, 1)
        ]

    def numbered(self, state: str) -> str:
        return f"{state} {self._numbers[state]}" if state in self._numbers else state

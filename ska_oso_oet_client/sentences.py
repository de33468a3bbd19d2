"""Events as sentences for people: one pattern per topic.

A topic without a pattern, or an event without the fields its pattern needs, is shown as its name
and fields instead: nothing is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .decoding import decode
from .events import Event
from .model.pace import Pause, Progress

PATTERNS: Mapping[str, str] = {
    "request.procedure.create": (
        "User request: prepare {script_uri} for execution on subarray {subarray}"
    ),
    "request.procedure.rerun": "User request: run procedure #{pid} once more",
    "request.procedure.start": "User request: start execution of process #{pid}",
    "request.procedure.stop": "User request: stop procedure #{pid} {with_abort}",
    "procedure.lifecycle.ready": (
        "Procedure {id} ({script_uri}) ready for execution on subarray {subarray}"
    ),
    "procedure.lifecycle.slowed": (
        "Procedure {pid} sends too many messages, and is slowed down to {rate:g} per second"
    ),
    "procedure.lifecycle.started": (
        "Procedure {id} ({script_uri}) started execution on subarray {subarray}"
    ),
    "procedure.lifecycle.complete": (
        "Procedure {id} ({script_uri}) execution complete on subarray {subarray}"
    ),
    "procedure.lifecycle.failed": (
        "Procedure {id} ({script_uri}) execution failed on subarray {subarray}: {detail}"
    ),
    "procedure.lifecycle.stopped": (
        "Procedure {id} ({script_uri}) execution stopped on subarray {subarray}"
    ),
    "request.procedure.pause": "User request: {pause_or_resume} procedure #{pid}{because}",
    "request.procedure.answer": "User request: answer {answer} to procedure #{pid}",
    "procedure.pause.requested": "Procedure {pid} pauses at {which_checkpoint}",
    "procedure.pause.withdrawn": "Procedure {pid} does not pause",
    "procedure.pause.paused": "Procedure {pid} has paused at {place}",
    "procedure.pause.resumed": "Procedure {pid} goes on",
    "procedure.pause.missed": (
        "Procedure {pid} has ended without a pause: it has not passed {which_checkpoint}"
    ),
    "procedure.pause.reminder": "Procedure {pid} is still paused at {place}",
    "procedure.question.asked": (
        "Procedure {pid} asks: {text}{choices}; to answer: oet procedure answer … --pid={pid}"
    ),
    "procedure.question.answered": "Procedure {pid} has {the_answer}",
    "user.script.progress": "Procedure {pid}: {how_far}",
    "procedure.survivors.found": "NOT EVERYTHING of procedure {pid} HAS ENDED: {processes}",
    "procedure.survivors.gone": "What was left of procedure {pid} has ended",
    "request.procedure.abort": "User request: abort subarray {subarray}{and_restart}",
    "procedure.abort.failed": "SUBARRAY {subarray} WAS NOT ABORTED: {detail}",
    "procedure.abort.complete": "The abort of subarray {subarray} (procedure {pid}) is complete",
    "request.failed": "Refused: {detail}",
    "auth.refused": "NOT PERMITTED: {method} {path}: {why}",
    "request.activity.run": "User request: run {activity_name} of {sbd_id} on subarray {subarray}",
    "request.activity.rerun": "User request: run activity #{aid} once more",
    "request.activity.stop": "User request: stop activity #{aid} {with_abort}",
    "activity.lifecycle.complete": "Activity {id} ({activity_name} of {sbd_id}) complete",
    "activity.lifecycle.failed": "Activity {id} ({activity_name} of {sbd_id}) failed: {detail}",
    "activity.lifecycle.stopped": "Activity {id} ({activity_name} of {sbd_id}) stopped",
    "operator.wait_for_qa_ready.enable": "User request: always wait for QA before scanning",
    "operator.wait_for_qa_ready.disable": "User request: never wait for QA before scanning",
    "operator.wait_for_qa_ready.override": "User request: bypass any active wait for QA",
    "operator.override.state": "Bypass of the wait for QA {state} for procedure {procedure_id}",
    "operator.drain.begin": "User request: take no new work{why}",
    "operator.drain.end": "User request: take new work again",
    "operator.drain.state": "New work is {taken_or_refused} from now on",
    "worker.lost": "{worker} {detail}; it is started again",
    "worker.restarted": "{worker} was started again",
    "user.script.announce": "Script message: {msg}",
    "sb.lifecycle.started": "Observing SB {sbd_id} as {sbi_id}",
    "sb.lifecycle.finished.succeeded": "SB {sbd_id} observed as {sbi_id}",
    "sb.lifecycle.finished.failed": "Observing SB {sbd_id} as {sbi_id} failed",
    "sb.lifecycle.allocated": "Resources allocated using SB {sb_id}",
    "sb.lifecycle.observation.started": "Observation for SB {sb_id} started",
    "sb.lifecycle.observation.finished.succeeded": "Observation for SB {sb_id} complete",
    "sb.lifecycle.observation.finished.failed": "Observation for SB {sb_id} failed",
    "telescope.obs_state": "Subarray {subarray_id} is {obs_state}",
    "execution_block.started": "Execution block {eb_id} of SB {sb_id} started",
    "execution_block.command": "{command} to {device}: {answer}",
    "execution_block.finished": "Execution block {eb_id}: {status}",
    "subarray.resources.allocated": "Subarray {subarray_id}: resources allocated",
    "subarray.resources.deallocated": "Subarray {subarray_id}: resources released",
    "subarray.configured": "Subarray {subarray_id} configured",
    "subarray.scan.started": "Subarray {subarray_id}: scan started",
    "subarray.scan.finished": "Subarray {subarray_id}: scan complete",
    "subarray.fault": "Subarray {subarray_id} error: {error}",
    "scan.lifecycle.configure.started": "SB {sb_id}: configuring for scan {scan_id}",
    "scan.lifecycle.configure.complete": "SB {sb_id}: scan {scan_id} configuration complete",
    "scan.lifecycle.configure.failed": "SB {sb_id}: scan {scan_id} configuration failed",
    "scan.lifecycle.start": "SB {sb_id}: scan {scan_id} starting",
    "scan.lifecycle.end.succeeded": "SB {sb_id}: scan {scan_id} complete",
    "scan.lifecycle.end.failed": "SB {sb_id}: scan {scan_id} failed",
}


_COMMAND = re.compile(r"\boet [a-z]+[^.;]*$")
_FRAME = re.compile('^ *File "(.+)", line ([0-9]+)', re.M)


def sentence(event: Event, subarray_id: int, with_user: bool = True) -> str | None:
    """The event for people; ``subarray_id`` is used if the event does not say which.

    ``with_user``: sentences about requests and stops name the user, if it is in the event.
    """
    pattern = PATTERNS.get(event.topic)
    if pattern is None:
        return None
    try:
        text = pattern.format_map(_details(event.fields, subarray_id))
    except (KeyError, TypeError, ValueError):
        return None
    who = _user(event) if with_user else None
    return f"{text} (by {who})" if who else text


def _user(event: Event) -> str | None:
    if PATTERNS[event.topic].startswith("User request:"):
        return event.fields.get("user")
    result = event.fields.get("result")
    if event.topic.endswith(".lifecycle.stopped") and isinstance(result, Mapping):
        return result.get("stopped_by")
    return None


def reason_of_failure(event: Event) -> str | None:
    """Why the procedure or activity of the event has failed, without the place in the script."""
    result = event.fields.get("result")
    if not event.topic.endswith(".lifecycle.failed") or not isinstance(result, Mapping):
        return None
    return " ".join(_reason(result).split())


def name_and_fields(event: Event) -> str:
    """The topic and all fields of an event, on one line."""
    fields = " ".join(f"{name}={value!r}" for name, value in event.fields.items())
    return f"{event.topic} {fields}".rstrip()


def _details(fields: Mapping[str, Any], subarray_id: int) -> dict[str, Any]:
    """The event's own fields, and those of its objects that patterns need."""
    details: dict[str, Any] = {"subarray": fields.get("subarray_id") or subarray_id, **fields}
    command = fields.get("cmd")
    if isinstance(command, Mapping):
        details.update(_named(command, "pid", "aid", "activity_name", "sbd_id"))
        details["with_abort"] = "with abort" if command.get("abort", True) else "with no abort"
        details["and_restart"] = " and restart it" if command.get("restart") else ""
        details.update(_script_uri(command))
    result = fields.get("result")
    if isinstance(result, Mapping):
        details.update(_named(result, "id", "activity_name", "sbd_id"))
        details.update(_script_uri(result))
        details["detail"] = _why(result)
        if result.get("simulated"):
            details["subarray"] = f"{details['subarray']} (a dry run)"
    if "reason" in fields:
        details["why"] = f": {fields['reason']}" if fields["reason"] else ""
    if "drained" in fields:
        details["taken_or_refused"] = "refused" if fields["drained"] else "taken"
    survivors = fields.get("survivors")
    if isinstance(survivors, list):
        details["processes"] = "; ".join(
            "process {pid} ({command}) is in kernel state {state}".format_map(found)
            for found in survivors
            if isinstance(found, Mapping)
        )
    override = fields.get("override")
    if isinstance(override, Mapping):
        details.update(_named(override, "state", "procedure_id"))
    details.update(_of_the_pace(fields))
    return details


def _of_the_pace(fields: Mapping[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {}
    pause, question, progress = (fields.get(name) for name in ("pause", "question", "progress"))
    if "wanted" in fields:
        details["pause_or_resume"] = "pause" if fields["wanted"] else "resume"
        details["because"] = f": {fields['note']}" if fields.get("note") else ""
    if isinstance(pause, Mapping):
        found = decode(Pause, pause)
        details["place"] = found.place
        details["which_checkpoint"] = (
            f"a checkpoint that matches {found.at}" if found.at else "its next checkpoint"
        )
    if isinstance(question, Mapping):
        choices = question.get("choices")
        details["choices"] = f" ({', '.join(choices)})" if choices else ""
        details["pid"] = fields.get("pid")
        details.update(_named(question, "text"))
        told = {"default": f"its default as answer: {question.get('answer')}"}
        if question.get("answer") is None:
            told["default"] = "no answer in time"
        details["the_answer"] = told.get(
            str(question.get("state")), f"the answer {question.get('answer')}"
        )
    if isinstance(progress, Mapping):
        details["how_far"] = str(decode(Progress, progress))
    return details


def _named(holder: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: holder[name] for name in names if name in holder}


def _script_uri(holder: Mapping[str, Any]) -> dict[str, Any]:
    script = holder.get("script")
    return _named(script, "script_uri") if isinstance(script, Mapping) else {}


def _why(ended: Mapping[str, Any]) -> str:
    """The most specific line about the end of a procedure or an activity."""
    why = _reason(ended)
    return " ".join(f"{why}{_place(ended, _trace(ended), why)}".split())


def _reason(ended: Mapping[str, Any]) -> str:
    outcome = ended.get("outcome") or {}
    last_line = _trace(ended).strip().rpartition("\n")[2]
    return str(outcome.get("detail") or last_line or outcome.get("reason") or "no reason given")


def _trace(ended: Mapping[str, Any]) -> str:
    return (ended.get("history") or {}).get("stacktrace") or ""


def _place(ended: Mapping[str, Any], trace: str, why: str) -> str:
    """The place of the failure in the script: the last of its lines in the trace.

    Not behind a command, which is there to be copied.
    """
    if _COMMAND.search(str(why)):
        return ""
    uri = str(_script_uri(ended).get("script_uri", ""))
    name = uri.rpartition("/")[2]
    lines = [line for path, line in _FRAME.findall(trace) if path.rpartition("/")[2] == name]
    return f" ({name} line {lines[-1]})" if name and lines else ""

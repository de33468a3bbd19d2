"""Reruns: a procedure once more, with the same script and arguments, as it was asked for then."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable
from typing import Any

from ..bus import topics
from ..bus.envelope import Envelope
from ..domain.activity import GIVEN
from ..domain.errors import Conflict
from ..domain.origin import Origin
from ..domain.reruns import (
    FUNCTIONS,
    RerunProcedure,
    changed_file,
    other_arguments,
    require_unmasked,
    require_whole,
    same_script,
)
from ..domain.scripts import Arguments, FileScript, GitScript, Script, script_read_back
from ..runs.directory import RunDirectory
from ..settings import Settings
from .drain import Drain
from .preparer import Preparer
from .queries import ProcedureQueries
from .script_policy import ScriptFiles
from .spec import NewProcedure, completed, limits_of

#: Answers a request on a topic.
Reply = Callable[[Envelope, str, dict[str, Any]], None]

_PAGE = 1000  #: records read at once
_ADDED = "context"  #: the argument of main that the OET adds anew


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Original:
    """An earlier run, as it was asked for.

    ``remembered`` are the parts that are from the journal, which keeps no secrets: init, main, script.
    """

    document: dict[str, Any]
    script: Script
    arguments: dict[str, Arguments]
    remembered: frozenset[str]


class Reruns:
    """Creates procedures that repeat others, listed or not."""

    def __init__(
        self,
        settings: Settings,
        files: ScriptFiles,
        preparer: Preparer,
        drain: Drain,
        queries: ProcedureQueries,
        reply: Reply,
    ) -> None:
        self._settings = settings
        self._files = files
        self._preparer = preparer
        self._drain = drain
        self._queries = queries
        self._reply = reply

    async def rerun(self, request: Envelope) -> None:
        """Create a procedure; the reply is the event of its creation, which carries this request's id.

        :raises Refusal: if there is no such procedure, or it cannot be run once more
        """
        new = await self._planned(RerunProcedure.from_dict(request.payload["cmd"]), request.user)
        self._drain.require_none()
        self._preparer.prepare(new, request.user, request.request_id)

    async def check(self, request: Envelope) -> None:
        """Tell whether a rerun would be carried out; do nothing."""
        new = await self._planned(RerunProcedure.from_dict(request.payload["cmd"]), request.user)
        self._reply(request, topics.CHECKED, {"result": {"path": new.path}})

    async def _planned(self, command: RerunProcedure, user: str | None) -> NewProcedure:
        document = await self._queries.document(command.pid)
        _require_meant(command, document)
        # Who did not ask for the original is not given the secrets that it was asked for with.
        own = {document["created_by"], document["started_by"] or document["created_by"]} == {user}
        original = await asyncio.to_thread(_read, document, self._settings.runs if own else None)
        script, path, differs = await self._script(command, original)
        arguments = {}
        for name in FUNCTIONS:
            given, before = getattr(command, name), original.arguments[name]
            if name in original.remembered:
                require_unmasked(command, name, before, given)
            arguments[name] = before.overridden_by(given)
            differs += other_arguments(name, _with_block(before, command, given), arguments[name])
        return NewProcedure(
            script=script,
            path=path,
            init=arguments["init"],
            main=arguments["main"],
            limits=limits_of(self._settings),
            activity_id=command.activity_id,
            origin=Origin(
                rerun_of=command.pid, differs=tuple(differs), simulated=bool(document.get("simulated"))
            ),
        )

    async def _script(self, command: RerunProcedure, original: _Original) -> tuple[Script, str, list[str]]:
        """The script, its path, and what differs in it."""
        wanted = command.script or original.script
        if command.script is None and "script" in original.remembered:
            require_whole(command, wanted)
        script, differs = same_script(command, wanted, original.script)
        script = completed(script, self._settings)
        path = await self._files.find(script)
        if isinstance(script, FileScript):
            if await self._files.is_abort_script(path):
                raise _is_abort(command.pid)
            if (before := original.document["script_sha256"]) is not None:
                differs += changed_file(command, script, before, await self._files.sha256(path))
        return script, path, differs


def _require_meant(command: RerunProcedure, document: dict[str, Any]) -> None:
    """Make sure that a procedure is one to be run once more.

    :raises Conflict: if something else is to be done
    """
    aid = document["activity_id"]
    if document["aborts"] is not None:
        raise _is_abort(command.pid)
    if aid is not None and command.activity_id is None:
        raise Conflict(
            f"Cannot rerun procedure {command.pid}: it belongs to activity {aid}; to rerun that: "
            f"oet activity rerun --aid={aid}, or in REST POST /activities/{aid}/rerun"
        )


def _with_block(before: Arguments, command: RerunProcedure, given: Arguments) -> Arguments:
    """Arguments with the files of the new activity, which are no difference to tell."""
    new = {name: value for name, value in given.kwargs.items() if name in GIVEN}
    return before if command.activity_id is None else before.overridden_by(Arguments(kwargs=new))


def _is_abort(pid: int) -> Conflict:
    return Conflict(
        f"Cannot rerun procedure {pid}: it is an abort; to abort the subarray now: oet abort, or in REST "
        "POST /abort"
    )


def _read(document: dict[str, Any], runs: str | None) -> _Original:
    """Read an earlier run: from its directory, and what is not there any more from its document.

    :param runs: the folder of all runs; none to read the document only, which has no secrets
    """
    directory = None if runs is None else RunDirectory(os.path.join(runs, str(document["id"])))
    spec = (directory and directory.read("spec.json")) or {}
    script = script_read_back(spec.get("script", document["script"]))
    ran = script_read_back(document["script"])
    if isinstance(ran, GitScript) and ran.resolved_commit is not None:
        script = script.resolved(ran.resolved_commit, ran.resolved_branch)
    found = {name: spec[name] for name in FUNCTIONS if name in spec}
    if document["started"] is not None and directory and (main := _given(directory)) is not None:
        found["main"] = main
    elif document["started"] is not None:
        found.pop("main", None)  # it may have been started with others
    arguments = {name: found.get(name) or document["script_args"][name] for name in FUNCTIONS}
    if "main" not in found and document["started"] is not None:
        arguments["main"] = _without_added(arguments["main"])
    return _Original(
        document=document,
        script=script,
        arguments={name: Arguments.from_dict(given) for name, given in arguments.items()},
        remembered=frozenset({"script", *FUNCTIONS} - spec.keys() | (set(FUNCTIONS) - found.keys())),
    )


def _given(directory: RunDirectory) -> dict[str, Any] | None:
    """The arguments with which `main` was asked to be called, if that is recorded."""
    after = 0
    while batch := directory.records(after, _PAGE):
        for record in batch:
            if record["kind"] == "started":
                given: dict[str, Any] = record.get("given") or _without_added(record["main"])
                return given
        after = batch[-1]["n"]
    return None


def _without_added(called: dict[str, Any]) -> dict[str, Any]:
    kwargs = {name: value for name, value in called["kwargs"].items() if name != _ADDED}
    return {**called, "kwargs": kwargs}

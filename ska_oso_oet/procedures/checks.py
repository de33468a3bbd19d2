"""Checks scripts and their arguments before they are run; nothing is created or written to the journal."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..bus import topics
from ..bus.client import BusClient
from ..bus.envelope import Envelope
from ..domain.activity import GIVEN
from ..domain.commands import PrepareProcedure
from ..domain.errors import Invalid
from ..domain.estimates import MOST_RUNS, UNKNOWN, Estimate, of_history, said_by
from ..domain.fitting import Problem, problems_of
from ..domain.masking import masked, masked_text
from ..domain.procedure_document import whole
from ..domain.scripts import GitScript, Script
from ..domain.states import ProcedureState
from ..settings import Settings
from .inspector import FORGED, Inspector
from .script_list import described_function
from .script_policy import ScriptFiles
from .spec import completed

_REMEMBERED = 1.0  #: seconds for which an estimate by past runs holds
_MOST_READ = 100  #: runs of scripts with similar URIs that are read
_MOST_KEPT = 500

Told = dict[str, Any]


class Checks:
    """Answers questions about scripts that may be run.

    :param files: decides which scripts may be run here
    """

    def __init__(self, bus: BusClient, settings: Settings, files: ScriptFiles, inspector: Inspector) -> None:
        self._bus = bus
        self._settings = settings
        self._files = files
        self._inspector = inspector
        self._estimates: dict[tuple[Any, ...], tuple[float, Estimate]] = {}

    async def tell(self, request: Envelope) -> None:
        """Answer with a check of each of the commands.

        :raises Refusal: if they cannot be checked now, whatever they are
        """
        user, until = request.user or "", request.expires
        commands = request.payload["cmds"]
        checks = await asyncio.gather(*(self._check(command, user, until) for command in commands))
        reply = self._bus.envelope(topics.INSPECTED, {"result": checks}, request_id=request.request_id)
        self._bus.send([reply])

    async def _check(self, data: Told, user: str, until: float | None) -> Told:
        command = PrepareProcedure.from_dict(data)
        script = completed(command.script, self._settings)
        try:
            path = await self._files.find(script)
        except Invalid as error:
            environment = "none" if not getattr(script, "create_env", False) else "unknown"
            return _answer([{"where": "script", "what": str(error)}], environment=environment)
        found, commit = await self._inspector.inspect(script, path, user, until)
        try:
            functions = {name: described_function(name, found[name]) for name in ("init", "main")}
            problems = [{key: str(one[key]) for key in ("where", "what")} for one in found["problems"]]
            docstring = found.get("docstring") and masked_text(found["docstring"])
            if any(functions.values()):
                problems += self._misfits(data, command, found)
            estimate = found.get("estimate") and said_by("script", float(found["estimate"]))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return _answer([{"where": "script", "what": FORGED}], commit=commit)
        return _answer(
            problems,
            schema={"docstring": docstring, **functions},
            commit=commit,
            environment=_environment(script, found),
            estimate=estimate or await self._of_history(script),
        )

    def _misfits(self, data: Told, command: PrepareProcedure, found: Told) -> list[Problem]:
        """What is wrong with the arguments, as far as the script can be understood."""
        given = GIVEN if data.get("for_activity") else ()
        own = command.init.kwargs.get("subarray_id") == self._settings.subarray_id
        problems = _misfits_of("init", found, command.init, given, ["subarray_id"] if own else [])
        about_main = (data.get("script_args") or {}).get("main") is not None
        return problems + _misfits_of("main", found, command.main, given, [], about_main)

    async def _of_history(self, script: Script) -> Estimate:
        """The estimate by the last runs of a script outside of activities."""
        uri, repository = masked_text(script.script_uri), masked(getattr(script, "git_repo", None))
        at, estimate = self._estimates.get((uri, repository), (0.0, UNKNOWN))
        if time.monotonic() < at + _REMEMBERED:
            return estimate
        complete = [ProcedureState.COMPLETE.value]
        found = await self._bus.lookup.procedures(states=complete, script=uri, limit=_MOST_READ)
        same = [
            one
            for one in map(whole, found)
            if one["script"]["script_uri"] == uri
            and (one["script"].get("git_args") or {}).get("git_repo") == repository
            and one["activity_id"] is None
            and not one.get("simulated")
        ]
        estimate = of_history(same[:MOST_RUNS])
        self._estimates[uri, repository] = time.monotonic(), estimate
        while len(self._estimates) > _MOST_KEPT:
            del self._estimates[next(iter(self._estimates))]
        return estimate


def _misfits_of(
    name: str, found: Told, given: Any, added: Any, left_out: list[str], complete: bool = True
) -> list[Problem]:
    function = found[name]
    if function is None:
        # main may be made by init; arguments of an init that is not there would be ignored.
        ignored = [word for word in given.kwargs if word not in (*left_out, *added)] if name == "init" else []
        return [
            {"where": f"init.kwargs.{word}", "what": f"the script has no init() that could take {word}"}
            for word in ignored
        ]
    if not function["exact"]:
        return []
    welcome = ["subarray_id", "context"] if name == "main" else ["subarray_id"]
    return problems_of(
        name,
        function["parameters"],
        given,
        added=[*welcome, *added],
        dispensable=[*left_out, *added],
        whole=complete,
    )


def _environment(script: Script, found: Told) -> str:
    if not isinstance(script, GitScript) or not script.create_env:
        return "none"
    if not found.get("uses"):
        return "unknown"
    return "ready" if found["loaded"] else "to_make"


def _answer(
    problems: list[Problem],
    *,
    schema: Told | None = None,
    commit: str | None = None,
    environment: str = "unknown",
    estimate: Estimate = UNKNOWN,
) -> Told:
    return {
        "valid": not problems,
        "problems": problems,
        "schema": schema or {"docstring": None, "init": None, "main": None},
        "resolved_commit": commit,
        "environment": environment,
        "estimate": estimate,
    }

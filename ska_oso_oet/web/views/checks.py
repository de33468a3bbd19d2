"""The views that check scripts and activities before they are run."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from pydantic import ValidationError

from ...bus import topics
from ...domain.activity_commands import RunActivity
from ...domain.commands import PrepareProcedure
from ...domain.errors import Invalid
from ...domain.scripts import Arguments, script_from_dict
from ..auth import identity
from ..auth.permissions import Permission, needs, question
from ..context import services
from ..gateway import ask
from ..problems import PROBLEMS
from ..routes import Routes
from ..schemas import checks, strict
from ..schemas.activities import RunBody
from ..schemas.procedures import CreateBody
from ..schemas.script import ScriptArguments

_BESIDE_LOADING = 20.0  #: seconds for everything else
_MOST = 80.0  #: seconds that a client waits for an answer

api = Routes("checks", __name__, tag="scripts")


@api.post("/procedures/check", summary="Check before running", responses={200: checks.Checked, **PROBLEMS})
@question
@needs(Permission.EXECUTE)
def check(body: checks.CheckBody) -> Response:
    """The body is one of `POST /procedures` or of `POST /activities`, or a list of such bodies.

    Scripts are imported, which executes their code, and not run. Nothing is created or journalled.
    """
    several = isinstance(body.root, list)
    bodies = body.root if several else [body.root]
    if not 1 <= len(bodies) <= checks.MOST:
        raise Invalid(f"a list must have 1 to {checks.MOST} bodies, not {len(bodies)}")
    commands = []
    for n, one in enumerate(bodies):
        try:
            commands.append(_command(one))
        except ValidationError as error:
            return strict.from_validation(error, within=(n,) if several else ())
    found = _checked(commands)
    return jsonify(found if several else found[0])


@api.post(
    "/procedures/schema", summary="Arguments of a script", responses={200: checks.ScriptSchema, **PROBLEMS}
)
@question
@needs(Permission.EXECUTE)
def script_schema(body: checks.SchemaBody) -> Response:
    """The parameters of `init` and `main`, with types; the script is imported, which executes its code."""
    # No GET, though it changes nothing: a page of a stranger could have any browser send one.
    command = PrepareProcedure(script=script_from_dict(body.script.model_dump()))
    with services().checks.taken(identity.whose()[0]):
        (found,) = ask(topics.INSPECT, {"cmds": [_form(command, with_main=False)]}, _patience())
    schema = found["schema"]
    if schema["init"] is None and schema["main"] is None and found["problems"]:
        raise Invalid("; ".join(problem["what"] for problem in found["problems"]))
    return jsonify(schema)


def _command(body: Any) -> RunActivity | dict[str, Any]:
    """The command of a body: that of a procedure in the form that the bus takes."""
    if isinstance(body, dict) and ("activity_name" in body or "sbd_id" in body):
        run = RunBody.model_validate(body)
        given = run.script_args.model_dump(exclude_none=True) if run.script_args else {}
        return RunActivity(**{**run.model_dump(), "script_args": given})
    create = CreateBody.model_validate(body)
    functions = create.script_args or ScriptArguments()
    command = PrepareProcedure(
        script=script_from_dict(create.script.model_dump()),
        init=Arguments.from_dict(functions.init.model_dump() if functions.init else None),
        main=Arguments.from_dict(functions.main.model_dump() if functions.main else None),
    )
    return _form(command, with_main=functions.main is not None)


def _form(command: PrepareProcedure, with_main: bool) -> dict[str, Any]:
    form = command.to_dict()
    if not with_main:  # they may come with the start
        del form["script_args"]["main"]
    return form


def _checked(commands: list[Any]) -> list[Any]:
    """The checks of these commands, in their order."""
    found: list[Any] = [None] * len(commands)
    scripts = [n for n, one in enumerate(commands) if not isinstance(one, RunActivity)]
    user = identity.whose()[0]
    with services().checks.taken(user):
        if scripts:
            forms = [commands[n] for n in scripts]
            for n, result in zip(scripts, ask(topics.INSPECT, {"cmds": forms}, _patience()), strict=True):
                found[n] = result
    for n, one in enumerate(commands):
        if isinstance(one, RunActivity):
            with services().archive.taken(user):
                found[n] = ask(topics.CHECK_ACTIVITY, {"cmd": one.to_dict()}, _patience())
    return found


def _patience() -> float:
    # Fetching, and loading; our client waits for 90 s.
    return min(2 * services().settings.check_timeout + _BESIDE_LOADING, _MOST)

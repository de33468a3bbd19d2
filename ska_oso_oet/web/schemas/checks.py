"""The shapes of checks of scripts and activities, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetJsonSchemaHandler, RootModel, TypeAdapter

from .activities import RunBody
from .discovery import Function, Parameter
from .procedures import CreateBody
from .script import Script
from .strict import StrictModel

MOST = 100  #: bodies of one request


class CheckBody(RootModel[Any]):
    """The body of `POST /procedures` or of `POST /activities`, or a list of such bodies."""

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # Validated by the view, so that a mistake is reported once and not for each of the two.
        one = handler(TypeAdapter(CreateBody | RunBody).core_schema)
        several = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST}
        return {"anyOf": [*one["anyOf"], several], "title": cls.__name__, "description": cls.__doc__}


class SchemaBody(StrictModel):
    """A script, as in `POST /procedures`."""

    script: Script


class TypedParameter(Parameter):
    """A parameter, with what it accepts."""

    required: Annotated[bool, Field(description="whether it has no default")]
    type: Annotated[
        dict[str, Any],
        Field(description="JSON Schema of its values, with the default; `{}` is anything"),
    ]
    text: Annotated[str | None, Field(description="its line `:param …:` in the docstring, or annotation")]


class TypedFunction(Function):
    """A function of a script."""

    parameters: list[TypedParameter] | None  # type: ignore[assignment]
    exact: Annotated[
        bool, Field(description="whether arguments are checked; of a decorated function the call decides")
    ]


class ScriptSchema(BaseModel):
    """What the functions of a script accept; null if there is none, or it is made while the script runs."""

    docstring: str | None
    init: TypedFunction | None
    main: TypedFunction | None


class CheckProblem(BaseModel):
    """Something that would make a run fail."""

    where: Annotated[
        str,
        Field(description="such as `script`, `block`, `activity`, `main.args[0]` or `init.kwargs.scans`"),
    ]
    what: str


class Estimate(BaseModel):
    """How long `main` will probably take; nulls if nothing is known."""

    seconds: float | None
    low: Annotated[float | None, Field(description="10th percentile of past runs, seconds")]
    high: Annotated[float | None, Field(description="90th percentile of past runs, seconds")]
    source: Annotated[
        Literal["script", "block", "history", "none"],
        Field(description="the script's `ESTIMATE`, the scans of the block, or the last COMPLETE runs"),
    ]
    runs: Annotated[int | None, Field(description="number of past runs, if `source` is `history`")]


class Check(BaseModel):
    """The result of a check."""

    valid: Annotated[bool, Field(description="whether there are no problems")]
    problems: list[CheckProblem]
    schema_: Annotated[ScriptSchema, Field(alias="schema")]
    resolved_commit: Annotated[str | None, Field(description="of a script from git")]
    environment: Annotated[
        Literal["ready", "to_make", "unknown", "none"],
        Field(description="`none` if the script has no environment of its own"),
    ]
    estimate: Estimate


class Checked(RootModel[Check | list[Check]]):
    """The result of a check, or a list of results in the order of the bodies."""

"""The shapes of scripts, and of the files of runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel

from .common import MAX_ID


class ScriptPath(BaseModel):
    path: str = Field(
        max_length=600,  # fits into a request line in any encoding
        description="path of the script as in its `file://` URI, absolute or below the scripts' location",
    )


class FoundScript(BaseModel):
    """A script on the server."""

    uri: Annotated[str, Field(description="URI for creating a procedure")]
    packaged: Annotated[bool, Field(description="whether it is packaged with the OET")]
    summary: Annotated[str | None, Field(description="the first line of its docstring")]
    error: Annotated[str | None, Field(description="reason why it cannot be read")]


class FoundScripts(RootModel[list[FoundScript]]):
    """The scripts in the scripts' location, then the packaged ones."""


class Parameter(BaseModel):
    """A parameter of a function; annotation and default in the script's source text."""

    name: str
    kind: Annotated[
        Literal["positional", "any", "args", "keyword", "kwargs"],
        Field(description="`args` and `kwargs` are those with asterisks; `any` is positional or by name"),
    ]
    annotation: str | None
    default: str | None


class Function(BaseModel):
    """A function of a script; without a signature if it is imported or created by other code."""

    signature: str | None
    parameters: list[Parameter] | None
    docstring: str | None


class DescribedScript(FoundScript):
    """The description of a script, from its source text; the script is not executed."""

    path: Annotated[str, Field(description="path of its file on the server")]
    docstring: str | None
    init: Function | None
    main: Function | None


class RunFilePath(BaseModel):
    procedure_id: int = Field(ge=0, le=MAX_ID, description="id of the procedure")
    path: str = Field(max_length=600, description="path of the file in the script's working directory")


class RunFile(BaseModel):
    """A file written by a script."""

    path: Annotated[str, Field(description="path in the script's working directory")]
    uri: Annotated[str, Field(description="URL of its content")]
    size: Annotated[int, Field(description="bytes")]
    modified: Annotated[float, Field(description="seconds since the epoch")]


class RunFiles(BaseModel):
    """The files in the working directory of a run, in order of their paths."""

    procedure_id: int
    files: list[RunFile]
    more: Annotated[bool, Field(description="whether there are more files")]

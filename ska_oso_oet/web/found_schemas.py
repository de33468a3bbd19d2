"""The shapes of what can be found: scripts, and the files of runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel

from .schemas import MAX_ID


class ScriptPath(BaseModel):
    path: str = Field(
        max_length=600,  # the longest that fits into a request line, however it is encoded
        description="path of the script as its `file://` URI has it, below the scripts' location or absolute",
    )


class FoundScript(BaseModel):
    """A script on the server."""

    uri: Annotated[str, Field(description="what a procedure is created with")]
    packaged: Annotated[bool, Field(description="whether it came with the OET")]
    summary: Annotated[str | None, Field(description="the first line of its docstring")]
    error: Annotated[str | None, Field(description="why it cannot be read")]


class FoundScripts(RootModel[list[FoundScript]]):
    """The scripts in the scripts' location, then the packaged ones."""


class Parameter(BaseModel):
    """A parameter of a function; annotation and default as the script writes them."""

    name: str
    kind: Annotated[
        Literal["positional", "any", "args", "keyword", "kwargs"],
        Field(description="`args` and `kwargs` are the ones with asterisks; `any` is by position or by name"),
    ]
    annotation: str | None
    default: str | None


class Function(BaseModel):
    """A function of a script; one that is imported or made by other code has no signature here."""

    signature: str | None
    parameters: list[Parameter] | None
    docstring: str | None


class DescribedScript(FoundScript):
    """What a script says of itself; it was not run for that."""

    path: Annotated[str, Field(description="its file on the server")]
    docstring: str | None
    init: Function | None
    main: Function | None


class RunFilePath(BaseModel):
    procedure_id: int = Field(ge=0, le=MAX_ID, description="id of the procedure")
    path: str = Field(max_length=600, description="path of the file in the script's working directory")


class RunFile(BaseModel):
    """A file that a script has written."""

    path: Annotated[str, Field(description="from the script's working directory")]
    uri: Annotated[str, Field(description="where it is fetched, whatever its name")]
    size: Annotated[int, Field(description="bytes")]
    modified: Annotated[float, Field(description="seconds since the epoch")]


class RunFiles(BaseModel):
    """The files in the working directory of a run, in order of their paths."""

    procedure_id: int
    files: list[RunFile]
    more: Annotated[bool, Field(description="whether there are more than are told")]

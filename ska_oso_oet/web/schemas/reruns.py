"""The shapes of requests for reruns in the REST contract."""

from __future__ import annotations

from pydantic import Field, StrictBool

from .script import ScriptArguments
from .strict import StrictModel


class RerunBody(StrictModel):
    """A request to run something once more."""

    script_args: ScriptArguments | None = Field(
        None,
        description="arguments that take precedence over those it had: keywords one by one, positional ones "
        "all together",
    )
    newest: StrictBool = Field(
        False, description="of a script from git: take the newest commit of its branch, not the same one"
    )
    accept_changes: StrictBool = Field(False, description="run the script's file even if it has changed")

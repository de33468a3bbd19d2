"""Options and sentences of the commands that run something once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..model import Procedure
from .settings import tell
from .switches import flag

F = TypeVar("F", bound=Callable[..., Any])


def rerun_options(function: F) -> F:
    """Add the options about what may differ."""
    newest = flag(
        "--newest", help="Take the newest commit of the script's branch instead of the same one."
    )
    accept = flag("--accept_changes", help="Run the script's file even if it has changed.")
    return newest(accept(function))


def rerun_in_words(procedure: Procedure) -> str:
    """What a rerun repeats, and what is not as it was there."""
    if not procedure.differs:
        return f"Rerun of {procedure.rerun_of}, and nothing differs"
    return "\n- ".join([f"Rerun of {procedure.rerun_of}, which differs:", *procedure.differs])


def tell_rerun(procedure: Procedure) -> None:
    tell(rerun_in_words(procedure))

"""Why a script from git cannot be run."""

from __future__ import annotations

from ..engine.script import PlainFailure


class PreparationError(PlainFailure):
    """A script, or its environment, cannot be had."""


class ScriptMissingError(PreparationError):
    """The repository has no such script."""

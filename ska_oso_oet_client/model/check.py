"""Checks of scripts and activities before they are run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .record import Documented


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a function of a script; annotation and default as they are written.

    ``kind`` is ``positional``, ``any`` (positional or by name), ``keyword``, ``args`` or
    ``kwargs``; ``type`` is a JSON Schema with the default, ``{}`` is anything.
    """

    name: str
    kind: str
    annotation: str | None = None
    default: str | None = None
    required: bool
    type: Mapping[str, Any]
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class TypedFunction:
    """``init`` or ``main``; ``exact`` unless only a call can show which arguments it takes."""

    signature: str | None
    parameters: tuple[Parameter, ...] | None
    docstring: str | None
    exact: bool


@dataclass(frozen=True, kw_only=True)
class ScriptSchema(Documented):
    """What the functions of a script accept."""

    docstring: str | None
    init: TypedFunction | None
    main: TypedFunction | None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that would make a run fail, such as ``main.kwargs.scans``: it must be ..."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How many seconds ``main`` will probably take; None if nothing is known.

    ``low`` and ``high`` are the 10th and 90th percentile of ``runs`` past runs; ``source`` is
    ``script``, ``block``, ``history`` or ``none``.
    """

    seconds: float | None
    low: float | None
    high: float | None
    source: str
    runs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Check(Documented):
    """The result of a check; ``environment`` is ``ready``, ``to_make``, ``unknown`` or ``none``."""

    valid: bool
    problems: tuple[Problem, ...]
    schema: ScriptSchema
    resolved_commit: str | None
    environment: str
    estimate: Estimate

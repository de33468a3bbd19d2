"""The configuration of a subarray, full or partial."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from .arguments import BadArgument


def require_configurable(argument: dict[str, Any], before: dict[str, Any], scan_types: Set[str]) -> None:
    """Check a Configure against what was assigned and configured before.

    :raises BadArgument: if a partial one comes first, or the scan type was not assigned
    """
    if argument["tmc"].get("partial_configuration"):
        if not before:
            raise BadArgument("Configure: tmc.partial_configuration needs a full one before it")
    elif (name := argument["sdp"]["scan_type"]) not in scan_types:
        raise BadArgument(f"Configure: sdp.scan_type: {name!r} was not assigned")


def configured(argument: dict[str, Any], configuration: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration after a Configure; a partial one keeps what it does not name."""
    if argument["tmc"].get("partial_configuration"):
        return {**configuration, "pointing": argument["pointing"]}
    return argument

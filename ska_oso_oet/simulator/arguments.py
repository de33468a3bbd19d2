"""Checks of the arguments of commands."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from .names import Telescope


class BadArgument(ValueError):  # noqa: N818
    """An argument that a command refuses."""


def decoded(text: str | None) -> Any:
    """Decode an argument; a text that is not JSON is returned as it is."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def check(telescope: Telescope, command: str, argument: Any) -> None:
    """Check the decoded argument of a subarray's command.

    :raises BadArgument: naming the fault
    """
    if (checker := _CHECKERS.get(command)) is not None:
        checker(telescope, an_object(command, argument))


def an_object(command: str, argument: Any) -> dict[str, Any]:
    """Return the decoded argument of a command, which must be an object.

    :raises BadArgument: it is none
    """
    if not isinstance(argument, dict):
        raise BadArgument(f"the argument of {command} is not a JSON object: {str(argument)[:80]!r}")
    return argument


def subarray_id(command: str, argument: Any) -> int:
    """Return the number of the subarray a command of the central node is about.

    :raises BadArgument: there is none
    """
    number = an_object(command, argument).get("subarray_id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise BadArgument(f"{command} needs subarray_id, a whole number, not {number!r}")
    return number


def resources(telescope: Telescope, argument: dict[str, Any]) -> list[str]:
    """Return the resources an argument of AssignResources asks for.

    :raises BadArgument: it asks for none
    """
    if telescope == "low":
        mccs = argument.get("mccs")
        if not isinstance(mccs, dict):
            raise BadArgument(f"AssignResources needs mccs, an object, not {mccs!r}")
        return [json.dumps(mccs)]
    receptors = _within(argument, "dish", "receptor_ids")
    if not isinstance(receptors, list) or not all(isinstance(name, str) for name in receptors):
        raise BadArgument(f"AssignResources needs dish.receptor_ids, a list of names, not {receptors!r}")
    return receptors


def scan_types(argument: dict[str, Any]) -> set[str]:
    """Return the scan types that an argument of AssignResources tells the SDP."""
    block = _within(argument, "sdp", "execution_block")
    types = block.get("scan_types") if isinstance(block, dict) else None
    return {part["scan_type_id"] for part in types or () if isinstance(part, dict) and "scan_type_id" in part}


def scan_duration(argument: dict[str, Any]) -> float:
    """Return the seconds a scan shall last, from an argument of Configure.

    :raises BadArgument: it does not say
    """
    seconds = _within(argument, "tmc", "scan_duration")
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or not 0 < seconds <= threading.TIMEOUT_MAX:
        raise BadArgument(f"Configure needs tmc.scan_duration, more than 0 seconds, not {seconds!r}")
    return float(seconds)


def scan_id(argument: dict[str, Any]) -> int:
    """Return the number of the scan, from an argument of Scan.

    :raises BadArgument: there is none
    """
    number = argument.get("scan_id")
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number < 2**63:
        raise BadArgument(f"Scan needs scan_id, a whole number from 1, not {number!r}")
    return number


def _within(argument: dict[str, Any], outer: str, inner: str) -> Any:
    part = argument.get(outer)
    return part.get(inner) if isinstance(part, dict) else None


_CHECKERS: dict[str, Callable[[Telescope, dict[str, Any]], object]] = {
    "AssignResources": resources,
    "Configure": lambda _telescope, argument: scan_duration(argument),
    "Scan": lambda _telescope, argument: scan_id(argument),
}

"""The names of a subarray's Tango devices, from the environment every script is started with."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

_OLD_DOMAINS = ("ska_mid", "ska_low")


@dataclasses.dataclass(frozen=True)
class Names:
    """The Tango resource locators (TRL) of one subarray."""

    subarray: str
    central_node: str
    quality_attribute: str  #: the attribute that says whether QA is ready, with its device; empty if unknown


def subarray_of(environ: Mapping[str, str] = os.environ) -> int:
    """The subarray of the OET that runs this script; 1 without an OET."""
    return int(environ.get("OET_SUBARRAY_ID", "1"))


def names_of(subarray_id: int, environ: Mapping[str, str] = os.environ) -> Names:
    """The devices of a subarray.

    :param environ: ``SKA_TELESCOPE``, ``SUBARRAYNODE_TRL_PREFIX`` and ``CENTRALNODE_TRL``, by default names
        of the new style; ``QUALITYMONITOR_TRL_PREFIX`` and ``QUALITYMONITOR_ATTRIBUTE``, without a default
    """
    telescope = "low" if environ.get("SKA_TELESCOPE", "").lower().endswith("low") else "mid"
    central_node = environ.get("CENTRALNODE_TRL") or f"{telescope}-tmc/central-node/0"
    subarrays = environ.get("SUBARRAYNODE_TRL_PREFIX") or f"{telescope}-tmc/subarray"
    return Names(_member(subarrays, subarray_id), central_node, _quality(subarray_id, environ))


def _quality(subarray_id: int, environ: Mapping[str, str]) -> str:
    monitors, attribute = environ.get("QUALITYMONITOR_TRL_PREFIX"), environ.get("QUALITYMONITOR_ATTRIBUTE")
    if not monitors or not attribute:
        return ""
    device, mark, options = _member(monitors, subarray_id).partition("#")
    return f"{device}/{attribute}{mark}{options}"


def _member(prefix: str, subarray_id: int) -> str:
    """The device of one subarray; options such as ``#dbase=no`` stay at the end of the name."""
    name, mark, options = prefix.partition("#")
    name = name.rstrip("/")
    path = name.split("/")[3:] if "://" in name else name.split("/")
    number = f"{subarray_id}" if path[0].lower() in _OLD_DOMAINS else f"{subarray_id:02d}"
    return f"{name}/{number}{mark}{options}"

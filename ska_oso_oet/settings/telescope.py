"""Settings of the telescope that scripts command."""

from __future__ import annotations

import dataclasses

from . import parse
from .declaration import setting


def _interfaces(text: str) -> str:
    """A version of TMC's interfaces, or nothing."""
    from ..telescope.block.interfaces import VERSIONS

    if text and not any(text in versions for versions in VERSIONS.values()):
        raise ValueError(f"must be one of {', '.join(v for versions in VERSIONS.values() for v in versions)}")
    return text


def _observatory(text: str) -> str:
    """A JSON object of what blocks do not say, or nothing."""
    from ..telescope.block.surroundings import parsed_observatory

    parsed_observatory(text)
    return text


@dataclasses.dataclass(frozen=True, kw_only=True)
class TelescopeSettings:
    """Settings of the telescope that scripts command."""

    tango_host: str = setting("TANGO_HOST", "", "Tango database of the telescope, `host:port`; for scripts")
    telescope: str = setting(
        "SKA_TELESCOPE", "SKA-mid", "the telescope; for scripts", parse.choice("SKA-mid", "SKA-low")
    )
    subarray_prefix: str = setting(
        "SUBARRAYNODE_TRL_PREFIX",
        "",
        "name of the subarray devices without the subarray's number; for scripts; by default "
        "`mid-tmc/subarray` or `low-tmc/subarray`. The number has two digits, or one if the name begins "
        "with `ska_mid` or `ska_low`",
    )
    central_node: str = setting(
        "CENTRALNODE_TRL",
        "",
        "name of the central node; for scripts; by default `mid-tmc/central-node/0` or "
        "`low-tmc/central-node/0`",
    )
    quality_monitor_prefix: str = setting(
        "QUALITYMONITOR_TRL_PREFIX",
        "",
        "name of the devices of the QA state, without the subarray's number; for scripts; if it is not "
        "set, a script that waits for QA waits for the operator",
    )
    quality_attribute: str = setting(
        "QUALITYMONITOR_ATTRIBUTE",
        "",
        "attribute of these devices that says whether QA is ready; for scripts",
    )
    tmc_interfaces: str = setting(
        "OET_TMC_INTERFACES",
        "",
        "version of TMC's commands, AssignResources/Configure: `2.4/6.1` or `2.1/4.1` for SKA-mid, "
        "`4.1/6.1` or `4.0/4.0` for SKA-low; by default the newest; for the packaged observation",
        _interfaces,
    )
    observatory: str = setting(
        "OET_OBSERVATORY",
        "",
        "what blocks do not say, a JSON object; for the packaged observation; see the guide on observing",
        _observatory,
    )
    wait_for_qa_ready: bool = setting(
        "OET_WAIT_FOR_QA_READY",
        "true",
        "whether scripts wait for QA before a scan, until the operator changes it",
        parse.switch,
    )

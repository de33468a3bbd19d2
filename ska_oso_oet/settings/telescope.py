"""Settings of the telescope that scripts command."""

from __future__ import annotations

import dataclasses

from . import parse
from .declaration import setting


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
        "name of the devices of the QA state, without the subarray's number; for scripts; by default "
        " `mid-sdp/quality-monitor` or `low-sdp/quality-monitor`",
    )
    wait_for_qa_ready: bool = setting(
        "OET_WAIT_FOR_QA_READY",
        "true",
        "whether scripts wait for QA before a scan, until the operator changes it",
        parse.switch,
    )

"""Observe a scheduling block: assign its resources, run its scans, release. For Mid and Low.

Run by: oet activity run observe SBD_ID
"""

from __future__ import annotations

from typing import Any

from ska_oso_oet.telescope.announce import announce
from ska_oso_oet.telescope.block import Block, BlockError
from ska_oso_oet.telescope.names import names_of
from ska_oso_oet.telescope.observation import Limits, observe
from ska_oso_oet.telescope.qa import QaGate
from ska_oso_oet.telescope.subarray import SubArray


def main(
    sb_json: str,
    sbi_id: str = "",
    subarray_id: int | None = None,
    context: dict[str, Any] | None = None,
    observatory: dict[str, Any] | None = None,
    exact: bool = False,
    assign_timeout: float = 120.0,
    configure_timeout: float = 300.0,
    scan_margin: float = 60.0,
    release_timeout: float = 120.0,
) -> None:
    """Observe a scheduling block.

    :param sb_json: path of a file with the scheduling block definition
    :param sbi_id: the instance of it that this run is
    :param subarray_id: by default the subarray of this OET
    :param context: whether to wait for QA before each scan, as the operator has it
    :param observatory: members that take the place of those in OET_OBSERVATORY
    :param exact: refuse a block with values that the telescope can only come near to
    :param assign_timeout: seconds that AssignResources may take
    :param configure_timeout: seconds that Configure may take
    :param scan_margin: seconds that a scan may take beyond its duration
    :param release_timeout: seconds that ReleaseResources may take
    :raises ValueError: if one of these is no number of seconds
    :raises BlockError: if the block cannot be observed as it says; nothing was commanded then
    :raises TelescopeError: if the telescope did not do what it should; the subarray was made safe then
    """
    limits = Limits(
        assign_timeout=assign_timeout,
        configure_timeout=configure_timeout,
        scan_margin=scan_margin,
        release_timeout=release_timeout,
    )
    block = Block.read(sb_json, sbi_id=sbi_id, observatory=observatory)
    if exact and block.adjusted:
        raise BlockError(f"scheduling block {block.id}: {block.adjusted[0]}; store a new version of it")
    subarray = SubArray(subarray_id)
    gate = QaGate(names_of(subarray.id).quality_attribute, context)
    announce(
        f"observing {block.id} as {sbi_id or 'no instance'}, execution block {block.eb_id}: "
        f"{len(block.scans)} scans"
    )
    observe(block, subarray, gate, limits)

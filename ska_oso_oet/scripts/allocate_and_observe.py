"""Observe a scheduling block: assign its resources, run its scans, release. For Mid and Low.

Run by: oet activity run observe SBD_ID
"""

from __future__ import annotations

from typing import Any

from ska_oso_oet.telescope.announce import announce
from ska_oso_oet.telescope.block import Block
from ska_oso_oet.telescope.names import names_of
from ska_oso_oet.telescope.observation import observe
from ska_oso_oet.telescope.qa import QaGate
from ska_oso_oet.telescope.subarray import SubArray


def main(
    sb_json: str,
    sbi_id: str = "",
    subarray_id: int | None = None,
    context: dict[str, Any] | None = None,
) -> None:
    """Observe a scheduling block.

    :param sb_json: path of a file with the scheduling block definition
    :param sbi_id: the instance of it that this run is
    :param subarray_id: by default the subarray of this OET
    :param context: whether to wait for QA before each scan, as the operator has it
    :raises TelescopeError: if the telescope did not do what it should; the subarray was made safe then
    """
    block = Block.read(sb_json)
    subarray = SubArray(subarray_id)
    gate = QaGate(names_of(subarray.id).quality_monitor, context)
    announce(f"observing {block.id} as {sbi_id or 'no instance'}: {len(block.scans)} scans")
    observe(block, subarray, gate)

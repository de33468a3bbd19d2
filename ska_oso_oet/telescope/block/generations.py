"""Telling the generation of a scheduling block, by its version of the data model (PDM) or by its keys.

PDM 17 to 28 are read. Older blocks are read as far as they use the same keys, or keys that were only renamed.
"""

from __future__ import annotations

import re

from .reading import Reader

OLDEST, NEWEST = 17, 28

_READ = f"blocks of PDM {OLDEST} to {NEWEST} are read. Store it anew with the present design tool"

#: Keys that later generations do not have, and that no later key stands for.
_OLD_KEYS = {
    "field_configurations": "8 or 9",
    "target_beam_configurations": "8 to 16",
    "subarray_beam_configurations": "8 to 16",
}


def require_readable(block: Reader) -> None:
    """Refuse a block of a generation that cannot be observed with certainty.

    :raises BlockError: naming the generation, and those that are read
    """
    for key in ("scanDefinitions", "fieldConfigurations", "scanSequence"):
        if block.has(key):
            block.refuse(f"is of 2020, before PDM 2 ({key}); {_READ}")
    for key, generation in _OLD_KEYS.items():
        if block.raw(key):
            block.refuse(f"is written as PDM {generation} was ({key}); {_READ}")
    allocation = block.raw("mccs_allocation")
    if isinstance(allocation, dict) and "station_ids" in allocation:
        block.refuse(f"is written as PDM 8 to 16 was (mccs_allocation.station_ids); {_READ}")
    for configuration in block.objects("csp_configurations"):
        if configuration.has("cbf"):
            block.refuse(f"is written as PDM 8 to 16 was ({configuration.path}.cbf); {_READ}")
    _require_known_version(block)


def _require_known_version(block: Reader) -> None:
    if not block.has("metadata"):
        return
    version = block.object("metadata").raw("pdm_version")
    stated = re.match(r"(\d{1,4})(?:\.|$)", version) if isinstance(version, str) else None
    if stated is not None and int(stated[1]) > NEWEST:
        block.refuse(f"is of PDM {version[:20]}, which is newer than this OET; {_READ.partition('.')[0]}")

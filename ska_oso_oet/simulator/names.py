"""The names of a telescope's devices, in today's and in the older style."""

from __future__ import annotations

import dataclasses
from typing import Literal

Telescope = Literal["mid", "low"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Names:
    """The device names of one telescope; those of numbered devices are a prefix, a slash and the number."""

    central_node: str
    subarray_prefix: str
    quality_prefix: str
    subarray_digits: int  #: subarray numbers are padded with zeros to so many digits

    def subarray(self, number: int) -> str:
        """Return the name of a subarray."""
        return f"{self.subarray_prefix}/{number:0{self.subarray_digits}}"

    def quality_monitor(self, number: int) -> str:
        """Return the name of the quality monitor of a subarray."""
        return f"{self.quality_prefix}/{number:02}"


def names_of(telescope: Telescope, *, old: bool = False) -> Names:
    """Return the names a telescope uses."""
    if old:
        return Names(
            central_node=f"ska_{telescope}/tm_central/central_node",
            subarray_prefix=f"ska_{telescope}/tm_subarray_node",
            quality_prefix=f"{telescope}-sdp/quality-monitor",
            subarray_digits=1,
        )
    return Names(
        central_node=f"{telescope}-tmc/central-node/0",
        subarray_prefix=f"{telescope}-tmc/subarray",
        quality_prefix=f"{telescope}-sdp/quality-monitor",
        subarray_digits=2,
    )

"""A telescope's monitoring and control in one object: a central node, subarrays and quality monitors."""

from __future__ import annotations

from collections.abc import Mapping

from .central import Central
from .commands import DEFAULT_DELAYS
from .names import Telescope, names_of
from .quality import Quality
from .subarray import Subarray
from .versions import BASES, Version


class Tmc:
    """All parts, wired together.

    :param subarrays: how many there are, numbered from 1
    :param delays: seconds that commands take, if not the defaults
    :param qa_after: seconds from Configure until quality is ready by itself; None: by hand
    :param interfaces: of the commands, see :class:`~.versions.Version`
    :param base: version of the base classes, likewise
    :raises ValueError: if the telescope has no such interfaces
    """

    def __init__(
        self,
        telescope: Telescope,
        *,
        subarrays: int = 1,
        old_names: bool = False,
        delays: Mapping[str, float] | None = None,
        qa_after: float | None = None,
        interfaces: str = "",
        base: str = BASES[0],
    ) -> None:
        self.version = Version(telescope, interfaces, base)
        self.telescope = telescope
        self.names = names_of(telescope, old=old_names)
        all_delays = {**DEFAULT_DELAYS, **(delays or {})}
        self.quality = {number: Quality(qa_after) for number in range(1, subarrays + 1)}
        self.subarrays = {
            number: Subarray(self.names.subarray(number), self.version, all_delays, quality)
            for number, quality in self.quality.items()
        }
        self.central = Central(self.subarrays)

    def devices(self) -> dict[str, list[str]]:
        """Return the names of the devices by Tango class."""
        return {
            "CentralNode": [self.names.central_node],
            "SubarrayNode": [subarray.name for subarray in self.subarrays.values()],
            "QualityMonitor": [self.names.quality_monitor(number) for number in self.quality],
        }

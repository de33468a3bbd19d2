"""The Tango device that says whether the data of a subarray are good enough."""

from __future__ import annotations

from typing import Any

from tango.server import attribute, command

from .base_device import TmcDevice


class QualityMonitor(TmcDevice):
    """Says whether the data of a subarray are good enough to observe."""

    def init_device(self) -> None:
        """Begin, or begin anew."""
        self.quality = self.tmc.quality[self.number()]
        super().init_device()
        self.quality.attach(self.publisher)

    def present(self) -> dict[str, Any]:
        """Return the attributes that push change events, with their values."""
        return {"qaReady": self.quality.ready}

    def delete_device(self) -> None:
        """End whatever is going on."""
        super().delete_device()
        self.quality.close()

    @attribute(dtype=bool)
    def qaReady(self) -> bool:
        """Whether the data are good enough."""
        return self.quality.ready

    @command
    def SetReady(self) -> None:
        """Say that they are."""
        self.quality.set(True)
        self.publisher.flush()

    @command
    def SetNotReady(self) -> None:
        """Say that they are not."""
        self.quality.set(False)
        self.publisher.flush()

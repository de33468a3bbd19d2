"""A small EPICS server with one value, on loopback: prints ``ready`` and serves until it is killed."""

from __future__ import annotations

import sys

from caproto.server import PVGroup, pvproperty, run

NAME = "test:value"


class Values(PVGroup):  # type: ignore[misc]
    """One number."""

    value = pvproperty(value=3, name=NAME)

    @value.startup
    async def value(self, instance, async_lib):  # type: ignore[no-untyped-def]
        """Say that it serves."""
        sys.stdout.write("ready\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run(Values(prefix="").pvdb, interfaces=["127.0.0.1"], log_pv_names=False)

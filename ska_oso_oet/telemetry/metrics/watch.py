"""Measures the delay of a worker's event loop, and updates its gauges, in regular intervals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from .catalogue import LAG

LOG = logging.getLogger(__name__)

_EVERY = 0.5  #: seconds
_LOOPS = 2  #: measurements of the delay per update of the gauges


async def watch(worker: str, *updates: Callable[[], None]) -> None:
    """Measure the delay of this loop, and update gauges; never returns.

    :param updates: functions that set gauges, without blocking
    """
    loop = asyncio.get_running_loop()
    while True:
        for update in updates:
            try:
                update()
            except Exception:
                LOG.exception("Could not update a metric")
        for _ in range(_LOOPS):
            due = loop.time() + _EVERY
            await asyncio.sleep(_EVERY)
            LAG.observe(max(0.0, loop.time() - due), worker)

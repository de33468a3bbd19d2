"""Looks at the event loop of a worker, and at what can only be measured by looking."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from .catalogue import LAG

LOG = logging.getLogger(__name__)

_EVERY = 0.5  #: seconds
_LOOKS = 2  #: how many of them go by between two looks at everything else


async def watch(worker: str, *looks: Callable[[], None]) -> None:
    """Measure how late this loop is, and look; never ends by itself.

    :param looks: what sets gauges, and does not wait for anything
    """
    loop = asyncio.get_running_loop()
    while True:
        for look in looks:
            try:
                look()
            except Exception:
                LOG.exception("A metric cannot be measured")
        for _ in range(_LOOKS):
            due = loop.time() + _EVERY
            await asyncio.sleep(_EVERY)
            LAG.observe(max(0.0, loop.time() - due), worker)

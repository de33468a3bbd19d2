"""Queries to CentralWorker about the histories of all subarrays."""

from __future__ import annotations

import uuid
from typing import Any

from ..domain.errors import refusal
from .client import BusClient

_ASK = 6.0  #: seconds, more than the time limit of CentralWorker


async def ask_central(bus: BusClient, topic: str, query: dict[str, Any], timeout: float = _ASK) -> Any:
    """Send a query to CentralWorker.

    :param topic: one of ``topics.CENTRAL_…``
    :param query: keyword arguments of a method of :class:`~ska_oso_oet.central.store.History`
    :raises Refusal: if CentralWorker or its database is away
    """
    reply = await bus.ask(topic, {"query": query}, request_id=uuid.uuid4().hex, timeout=timeout)
    if "kind" in reply.payload:
        raise refusal(reply.payload["kind"], reply.payload["detail"])
    return reply.payload["result"]

"""Views ask the central history, over the bus."""

from __future__ import annotations

from typing import Any

from .services import services

_READ = 10.0  #: seconds


def ask(what: str, **query: Any) -> Any:
    """The answer to a question about all subarrays.

    :raises Refusal: where there is no central history, or it does not answer
    """
    found = services()
    with found.centre.taken():
        return found.bridge.wait_for(found.bridge.client.read_central(what, **query), _READ)

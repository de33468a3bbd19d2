"""Documents of procedures as earlier releases wrote them."""

from __future__ import annotations

from typing import Any

from .listing import completed, summary
from .origin import Origin
from .pace import Pace

#: Fields that documents of earlier releases lack, and that cannot be derived.
_LATER = ("aborts", "evicts", "slowed", "started_by")


def whole(document: dict[str, Any]) -> dict[str, Any]:
    """A document of whatever release as this one writes them."""
    known = summary(document["history"]["process_states"], document["outcome"])
    return completed(
        document,
        **dict.fromkeys(_LATER),
        **known,
        **Pace().to_dict(),
        **Origin().to_dict(),
        os_pid=document["pid"],
    )

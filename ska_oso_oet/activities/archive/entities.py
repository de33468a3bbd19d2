"""The ODA's documents, as far as both archives read and write them."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Collection
from typing import Any, Literal

from ...domain.errors import ArchiveAway, Conflict, Invalid, NotFound
from ...domain.nesting import once, too_deep, too_many

Status = Literal["Executing", "Observed", "Failed"]

FIRST_STATUS = "Created"  #: the status of an SBInstance before anything was recorded
AGAIN = "try again shortly, and if that does not help, check OET_ODA_URL"
CHECK = "check that OET_ODA_URL leads to an archive"
LARGEST = 10 * 2**20  #: bytes of the largest document that is read


class Rejected(ArchiveAway):
    """The archive will not take the request later either, unless somebody changes something."""


def status_entity(sbi_id: str, current: str, previous: str, version: int = 1) -> dict[str, Any]:
    """The entity that records a status of an SBInstance.

    :param version: the number of this status among those of the instance, from 1
    """
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return {
        "sbi_ref": sbi_id,
        "sbi_version": 1,
        "current_status": current,
        "previous_status": previous,
        "metadata": {
            "version": version,
            "created_by": "oet",
            "created_on": now,
            "last_modified_by": "oet",
            "last_modified_on": now,
        },
    }


def require_version(document: dict[str, Any], sbd_id: str, version: int, where: str) -> None:
    """Require that an archive gave the version that it was asked for.

    :raises NotFound: naming the one it gave
    """
    metadata = document.get("metadata")
    given = metadata.get("version") if isinstance(metadata, dict) else None
    if given != version:
        raise NotFound(
            f"the archive {where} gives version {given!r} of scheduling block {sbd_id} instead of version "
            f"{version}; leave out the version to observe the newest"
        )


def require_status(status: Any, permitted: Collection[str], sbd_id: str, where: str) -> None:
    """Require that a scheduling block may be observed.

    :raises Conflict: naming its status and those that are permitted
    """
    if not isinstance(status, str) or status.casefold() not in {one.casefold() for one in permitted}:
        told = f"is {status[:40]!r}" if isinstance(status, str) else "has no status"
        raise Conflict(
            f"scheduling block {sbd_id} {told} in the archive {where}, and may be observed if it is "
            f"{' or '.join(permitted)}; set its status there, or change OET_ODA_STATUSES"
        )


#: Values of a document; more would occupy ActivityWorker for seconds, and the largest real block has 426.
MOST_VALUES = 100_000


def read_document(data: bytes) -> dict[str, Any]:
    """Read a JSON object.

    :raises ValueError: if it is anything else, JSON that only Python writes and names given twice
        included, or too much of it
    """
    try:
        document = json.loads(data, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=once)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("no object")
    if not too_deep(document) and too_many(document, MOST_VALUES):
        raise ValueError(f"it has more than {MOST_VALUES} values")
    return document


def write_document(document: dict[str, Any], indent: int | None = 2) -> bytes:
    """Write JSON.

    :param indent: none for a document that may be large
    :raises Invalid: if a value in it is none that JSON has
    """
    try:
        return json.dumps(document, indent=indent, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise Invalid(f"arguments cannot be stored as JSON: {error}") from None


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value

"""The chain of the audit: each record holds the hash of the one before it, so that no change goes unseen.

The hash of a record is the SHA-256 of its canonical form: JSON with sorted keys and without blanks, what is
not ASCII escaped, numbers as Python writes them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

#: Takes the place of the previous hash in the first record.
NOTHING = "0" * 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """A place in the chain: behind its record ``n``, which is kept under the number ``id``."""

    n: int = 0
    hash: str = NOTHING
    id: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"n": self.n, "hash": self.hash, "id": self.id}


def canonical(record: dict[str, Any]) -> str:
    """The text that a record's hash is of: all of it but the hash."""
    hashed = {name: value for name, value in record.items() if name != "hash"}
    return json.dumps(hashed, sort_keys=True, separators=(",", ":"))


def digest(record: dict[str, Any]) -> str:
    """The hash of a record."""
    return hashlib.sha256(canonical(record).encode()).hexdigest()


def flaw(record: dict[str, Any], before: Place) -> str | None:
    """The reason why a record with its ``hash`` does not continue the chain; none if it does."""
    if not isinstance(record["n"], int):
        return f"the record with id {record['id']} has no place in the chain; it was added"
    if digest(record) != record["hash"]:
        return f"record {record['n']} was changed after it was written"
    if record["n"] > before.n + 1:
        first, last = before.n + 1, record["n"] - 1
        return f"record {first} is missing" if first == last else f"records {first} to {last} are missing"
    if record["n"] <= before.n:
        return f"record {record['n']} comes after record {before.n}; it was moved or added"
    if record["previous"] != before.hash:
        return f"record {record['n']} does not follow the record before it; one of the two was replaced"
    return None

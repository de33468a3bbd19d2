"""Reading the objects of a scheduling block so that nothing in them is overlooked.

A key that is neither read nor named as harmless is a refusal: it may decide how is observed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from ..errors import BlockError

_MOST = 1e15  #: of any number in a block
_LONGEST = 1e6  #: seconds of a scan
_UNITS = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}


class Reader:
    """One object of a block: its values, its path, and the keys that were read.

    Every method raises a BlockError that names the path of what is missing or wrong.

    :param about: the name of the block in sentences
    :param adjusted: of the whole block, sentences about values that the telescope can only come near to
    """

    def __init__(
        self, members: dict[str, Any], path: str, about: str, adjusted: list[str] | None = None
    ) -> None:
        self._members = members
        self._read: set[str] = set()
        self.path = path
        self.about = about
        self.adjusted: list[str] = [] if adjusted is None else adjusted

    def adjust(self, how: str, key: str) -> None:
        """Note that a value is not observed exactly as it is written.

        :param how: the rest of a sentence that begins with the path of the value
        """
        self.adjusted.append(f"{self.path}.{key} {how}")

    def refuse(self, why: str, key: str | None = None) -> NoReturn:
        """Refuse the block.

        :param why: what is wrong with the object, or with the value under the key
        """
        where = ".".join(part for part in (self.path, key) if part)
        raise BlockError(f"{self.about}: {where} {why}" if where else f"{self.about} {why}")

    def has(self, key: str) -> bool:
        """Whether there is a value, other than null, under a key."""
        return self._members.get(key) is not None

    def raw(self, key: str) -> Any:
        """Return a value as it is; null if it is absent."""
        self._read.add(key)
        return self._members.get(key)

    def harmless(self, *keys: str) -> None:
        """Name keys that do not decide how is observed."""
        self._read.update(keys)

    def raw_all(self) -> dict[str, Any]:
        """Return the whole object as it is."""
        self._read.update(self._members)
        return dict(self._members)

    def close(self) -> None:
        """Refuse the block if a key was not read."""
        for key, value in self._members.items():
            if key not in self._read and value not in (None, {}, []):
                self.refuse("is not understood, and may decide how is observed", key)

    # -- values; each is required -------------------------------------------------------------------------

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        value = self.raw(key)
        if not isinstance(value, str) or not value:
            self.refuse(f"must be text, not {short(value)}", key)
        return value

    def number(self, key: str) -> float:
        """Return a number, not beyond what any quantity here may be."""
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_MOST <= value <= _MOST:
            self.refuse(f"must be a number, not {short(value)}", key)
        return float(value)

    def whole(self, key: str, least: int = 0) -> int:
        """Return a whole number; ``20000.0`` is one."""
        value = self.number(key)
        if value != int(value) or value < least:
            self.refuse(f"must be a whole number from {least}, not {short(self._members[key])}", key)
        return int(value)

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, which may be empty."""
        values = self.raw(key)
        if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
            self.refuse(f"must be a list of names, not {short(values)}", key)
        return list(values)

    def object(self, key: str) -> Reader:
        """Return the reader of an object."""
        value = self.raw(key)
        if not isinstance(value, dict):
            self.refuse(f"must be an object, not {short(value)}", key)
        return Reader(value, f"{self.path}.{key}" if self.path else key, self.about, self.adjusted)

    def objects(self, key: str) -> list[Reader]:
        """Return the readers of a list of objects; an absent list is empty."""
        values = self.raw(key)
        if values is None:
            return []
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            self.refuse(f"must be a list of objects, not {short(values)}", key)
        path = f"{self.path}.{key}" if self.path else key
        return [
            Reader(value, f"{path}[{number}]", self.about, self.adjusted)
            for number, value in enumerate(values)
        ]

    def reference(self, name: str) -> str | None:
        """Return the name another part is referred to by: ``<name>_ref``, or its older key ``<name>``."""
        key = f"{name}_ref" if self.has(f"{name}_ref") else name
        return self.text(key) if self.has(key) else None

    # -- quantities ---------------------------------------------------------------------------------------

    def seconds(self) -> float:
        """Return the duration of a scan, however it is written; forms that disagree are a refusal."""
        durations = set(self._durations())
        if not durations:
            self.refuse("has no scan_duration")
        if max(durations) > _LONGEST:
            self.refuse(f"has a scan_duration of more than {_LONGEST:.0f} s")
        if max(durations) - min(durations) > 1e-3:
            self.refuse("has a scan_duration and a scan_duration_ms that differ")
        return max(durations)

    def _durations(self) -> Iterator[float]:
        if self.has("scan_duration_ms"):
            yield self.positive("scan_duration_ms") * 1e-3
        if isinstance(self._members.get("scan_duration"), dict):
            quantity = self.object("scan_duration")
            unit = quantity.text("unit")
            if unit not in _UNITS:
                quantity.refuse(f"must be one of {', '.join(_UNITS)}, not {short(unit)}", "unit")
            yield quantity.positive("value") * _UNITS[unit]
            quantity.close()
        elif self.has("scan_duration"):
            yield self.positive("scan_duration") * 1e-3

    def positive(self, key: str) -> float:
        """Return a number above 0."""
        value = self.number(key)
        if value <= 0:
            self.refuse(f"must be more than 0, not {short(value)}", key)
        return value


def named(readers: list[Reader], key: str) -> dict[str, Reader]:
    """Return objects by their names, which may not repeat."""
    by_name: dict[str, Reader] = {}
    for reader in readers:
        name = reader.text(key)
        if name in by_name:
            reader.refuse(f"repeats the name {short(name)}", key)
        by_name[name] = reader
    return by_name


def short(value: Any) -> str:
    """Return a value as it is shown in a sentence."""
    text = repr(value) if not isinstance(value, int) or abs(value) <= _MOST else "a larger number"
    return text if len(text) <= 80 else f"{text[:80]}…"

"""What the commands of both telescopes have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from .ids import unique_number
from .reading import Reader, named
from .sequence import Definition
from .surroundings import Surroundings
from .targets import Target, read_target


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scan:
    """One scan of the observation."""

    number: int  #: its place, from 1
    name: str  #: of its definition
    target: str  #: the name of its target
    duration: float  #: seconds
    make: Callable[[], dict[str, Any]]  #: for Low it is large, so it is made when it is sent
    partial: bool = False  #: whether it only moves the pointing of the scan before it

    @property
    def configuration(self) -> dict[str, Any]:
        """The argument of Configure."""
        return self.make()


def scan_of(
    definition: Definition,
    target: Target,
    make: Callable[[], dict[str, Any]],
    number: int,
    partial: bool = False,
) -> Scan:
    """Make a scan of its definition.

    :param make: makes the argument of Configure
    """
    return Scan(
        number=number,
        name=definition.name,
        target=target.name,
        duration=definition.duration,
        make=make,
        partial=partial,
    )


class Observed:
    """A block that was read: its scans, and the parts of its commands."""

    def __init__(self, block: Reader, surroundings: Surroundings, eb_id: str) -> None:
        self.surroundings = surroundings
        self.eb_id = eb_id
        self.scans: list[Scan] = []
        self._targets = named(block.objects("targets"), "target_id")
        self._block = block

    def targets(self, used: list[str]) -> dict[str, Target]:
        """Read the targets that scans name; the others decide nothing."""
        found = {}
        for name in dict.fromkeys(used):
            if name not in self._targets:
                self._block.refuse(f"has a scan of {name[:80]!r}, which is not in targets")
            found[name] = read_target(self._targets[name])
        return found

    def assign(self) -> dict[str, Any]:
        """The parts of AssignResources."""
        raise NotImplementedError


def scan_id(surroundings: Surroundings) -> int:
    """Return the id of a scan that is about to begin."""
    return unique_number(surroundings.subarray_id)

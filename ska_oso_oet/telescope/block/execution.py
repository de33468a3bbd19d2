"""The execution block of a run, as both telescopes and all generations of blocks have it."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from .sequence import Definition
from .surroundings import Surroundings
from .targets import Target


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """One spectral window, as the SDP receives it."""

    count: int
    start: int
    freq_min: float  #: Hz
    freq_max: float  #: Hz


@dataclasses.dataclass(frozen=True, kw_only=True)
class Beam:
    """The scans of one beam; a Mid observation has one."""

    number: int
    definitions: list[Definition]


@dataclasses.dataclass(kw_only=True)
class Observation:
    """What the SDP is told about."""

    surroundings: Surroundings
    eb_id: str
    sbi_id: str
    beams: list[Beam]
    targets: dict[str, Target]
    windows: dict[str, list[Window]]  #: by CSP configuration
    receptors: list[str]

    @property
    def duration(self) -> float:
        """Seconds of all scans; a five-point pattern has five."""
        return sum(
            definition.duration * (5 if self.targets[definition.target].five_point else 1)
            for definition in self.beams[0].definitions
        )


def execution_block(seen: Observation) -> dict[str, Any]:
    used = dict.fromkeys(definition.target for beam in seen.beams for definition in beam.definitions)
    return {
        "eb_id": seen.eb_id,
        "max_length": max(seen.duration, 1.0),
        "context": {},
        "fields": [
            {"field_id": name, "phase_dir": _phase_direction(seen, seen.targets[name])} for name in used
        ],
    }


def _phase_direction(seen: Observation, target: Target) -> dict[str, Any]:
    if seen.surroundings.interfaces.fields_by_attributes:
        return target.field()
    if target.frame != "icrs":
        seen.beams[0].definitions[0].reader.refuse(
            f"observes {target.name!r} in {target.frame}, which TMC {seen.surroundings.interfaces.version} "
            "cannot tell the SDP; choose a newer OET_TMC_INTERFACES"
        )
    return {
        "ra": [target.attributes["c1"]],
        "dec": [target.attributes["c2"]],
        "reference_time": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        "reference_frame": "ICRF3",
    }


def with_instance(processing: dict[str, Any], seen: Observation) -> dict[str, Any]:
    return {**processing, "sbi_ids": [seen.sbi_id]} if seen.sbi_id else processing

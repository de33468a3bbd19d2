"""A scheduling block as the requests its observation consists of, for Mid and Low.

Keys of the block as in the SKA project data model (PDM), interface ``ska-oso-pdm-sbd/0.1``; of the requests
as in the telescope model's interfaces named below. Durations in the block are in milliseconds, in requests in
seconds.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

_MID = {
    "assign": "https://schema.skao.int/ska-tmc-assignresources/2.1",
    "release": "https://schema.skao.int/ska-tmc-releaseresources/2.1",
    "configure": "https://schema.skao.int/ska-tmc-configure/2.3",
    "scan": "https://schema.skao.int/ska-tmc-scan/2.1",
}
_LOW = {
    "assign": "https://schema.skao.int/ska-low-tmc-assignresources/4.0",
    "release": "https://schema.skao.int/ska-low-tmc-releaseresources/3.0",
    "configure": "https://schema.skao.int/ska-low-tmc-configure/4.0",
    "scan": "https://schema.skao.int/ska-low-tmc-scan/4.0",
}


class BlockError(ValueError):
    """A scheduling block that cannot be observed; the message names what is missing in it."""


@dataclasses.dataclass(frozen=True)
class Scan:
    """One scan of the sequence."""

    number: int  #: its scan id: its place in the sequence, from 1
    definition: dict[str, Any]
    duration: float  #: seconds


class Block:
    """The observation that a scheduling block asks for.

    :param document: the scheduling block definition
    :raises BlockError: if something is missing
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.id = str(document.get("sbd_id", "without id"))
        self.low = document.get("telescope") == "ska_low"
        self._interfaces = _LOW if self.low else _MID
        definitions = {d.get("scan_definition_id"): d for d in document.get("scan_definitions") or []}
        sequence = document.get("scan_sequence") or list(definitions)
        if not sequence:
            raise BlockError(f"scheduling block {self.id} has no scans")
        for name in sequence:
            if name not in definitions:
                raise BlockError(f"scheduling block {self.id} has no scan definition {name!r}")
        self.scans = [
            Scan(number, definitions[name], self._duration(definitions[name]))
            for number, name in enumerate(sequence, 1)
        ]
        self._allocation()
        for scan in self.scans:  # whatever is missing shows while nothing has been commanded yet
            self.configure(scan)

    @classmethod
    def read(cls, path: str) -> Block:
        """Read a scheduling block from a file.

        :raises BlockError: if that is none
        """
        with open(path, encoding="utf-8") as file:
            return cls(json.load(file))

    def _duration(self, definition: dict[str, Any]) -> float:
        duration = definition.get("scan_duration_ms", definition.get("scan_duration"))
        if isinstance(duration, bool) or not isinstance(duration, (int, float)) or duration <= 0:
            name = definition.get("scan_definition_id")
            raise BlockError(f"scan definition {name!r} of scheduling block {self.id} has no scan_duration")
        return duration / 1000

    # -- the requests ----------------------------------------------------------------------------------

    def assign(self, subarray_id: int) -> dict[str, Any]:
        """The argument of AssignResources."""
        request: dict[str, Any] = {"interface": self._interfaces["assign"], "subarray_id": subarray_id}
        request |= self._allocation()
        if "sdp_configuration" in self._document:
            request["sdp"] = self._document["sdp_configuration"]
        return request

    def release(self, subarray_id: int) -> dict[str, Any]:
        """The argument of ReleaseResources, for everything."""
        return {"interface": self._interfaces["release"], "subarray_id": subarray_id, "release_all": True}

    def configure(self, scan: Scan) -> dict[str, Any]:
        """The argument of Configure for one scan."""
        request: dict[str, Any] = {
            "interface": self._interfaces["configure"],
            "tmc": {"scan_duration": scan.duration},
        }
        if "scan_type" in scan.definition:
            request["sdp"] = {"scan_type": scan.definition["scan_type"]}
        csp = self._named("csp_configurations", scan.definition.get("csp_configuration"))
        if csp is not None:
            request["csp"] = csp
        return request | (self._beams() if self.low else self._pointing(scan))

    def scan(self, scan: Scan, subarray_id: int) -> dict[str, Any]:
        """The argument of Scan."""
        request: dict[str, Any] = {"interface": self._interfaces["scan"], "scan_id": scan.number}
        return {**request, "subarray_id": subarray_id} if self.low else request

    def _allocation(self) -> dict[str, Any]:
        if self.low:
            return {"mccs": self._required("mccs_allocation")}
        receptors = self._required("dish_allocations").get("receptor_ids")
        if not receptors:
            raise BlockError(f"scheduling block {self.id} has no dish_allocations.receptor_ids")
        return {"dish": {"receptor_ids": receptors}}

    def _required(self, key: str) -> dict[str, Any]:
        members = self._document.get(key)
        if not isinstance(members, dict) or not members:
            raise BlockError(f"scheduling block {self.id} has no {key}")
        return members

    def _pointing(self, scan: Scan) -> dict[str, Any]:
        request: dict[str, Any] = {}
        dish = self._named("dish_configurations", scan.definition.get("dish_configuration"))
        if dish is not None:
            request["dish"] = {"receiver_band": dish.get("receiver_band")}
        target = self._named("targets", scan.definition.get("target"))
        if target is not None:
            coordinate = dict(target.get("reference_coordinate") or {})
            coordinate.pop("kind", None)
            coordinate.pop("unit", None)
            request["pointing"] = {"target": {"target_name": target["target_id"], **coordinate}}
        return request

    def _beams(self) -> dict[str, Any]:
        beams = self._document.get("subarray_beam_configurations") or []
        return {"mccs": {"subarray_beams": beams}} if beams else {}

    def _named(self, collection: str, name: Any) -> dict[str, Any] | None:
        """The member of a collection whose own id is this name.

        :raises BlockError: if it has none
        """
        if name is None:
            return None
        for member in self._document.get(collection) or []:
            if name in (member.get(key) for key in member if key.endswith("_id")):
                definition: dict[str, Any] = member
                return definition
        raise BlockError(f"scheduling block {self.id} has no {name!r} in {collection}")

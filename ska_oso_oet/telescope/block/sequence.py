"""The scans of a block in order, wherever its generation keeps them."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import Any

from .reading import Reader, named

_CORRECTIONS = ("MAINTAIN", "UPDATE", "RESET")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Definition:
    """One scan definition at its place in the sequence."""

    reader: Reader
    name: str
    duration: float  #: seconds
    target: str
    csp: str
    scan_type: str | None  #: of the SDP; absent since PDM 22, where it follows from the target
    dish_configuration: str | None
    correction: str | None


def definitions_of(block: Reader, allocation: Reader) -> list[Definition]:
    """Return the scans in order.

    PDM 22 and later keep them in an allocation (of dishes, or of one beam), older ones at the top.

    :raises BlockError: if one is incomplete
    """
    embedded = allocation.objects("scan_sequence")
    if embedded and block.raw("scan_definitions"):
        block.refuse(f"has scans both in scan_definitions and in {allocation.path}.scan_sequence")
    return [read_definition(reader) for reader in (embedded or _sequence_at_the_top(block))]


def _sequence_at_the_top(block: Reader) -> list[Reader]:
    by_name = named(block.objects("scan_definitions"), "scan_definition_id")
    if not block.has("scan_sequence"):
        return list(by_name.values())
    names = block.texts("scan_sequence")
    for number, name in enumerate(names):
        if name not in by_name:
            block.refuse(f"names {name[:80]!r}, which is not in scan_definitions", f"scan_sequence[{number}]")
    return [by_name[name] for name in names]


def read_definition(reader: Reader) -> Definition:
    """Read one scan definition.

    :raises BlockError: if it is incomplete, or a part of it is not understood
    """
    correction = reader.raw("pointing_correction")
    if correction is not None and correction not in _CORRECTIONS:
        reader.refuse(f"must be one of {', '.join(_CORRECTIONS)}", "pointing_correction")
    definition = Definition(
        reader=reader,
        name=reader.text("scan_definition_id"),
        duration=reader.seconds(),
        target=_required(reader, "target"),
        csp=_required(reader, "csp_configuration"),
        scan_type=reader.reference("scan_type"),
        dish_configuration=reader.reference("dish_configuration"),
        correction=correction,
    )
    reader.harmless("scan_intent", "scan_duration_ms", "scan_duration", "name", "description")
    reader.harmless(
        "dish_allocation_ref", "mccs_allocation_ref", "mccs_configuration_ref"
    )  # there is one of each
    reader.close()
    return definition


def _required(reader: Reader, name: str) -> str:
    if (reference := reader.reference(name)) is None:
        reader.refuse(f"has no {name}_ref")
    return reference


def chosen(definition: Definition, collection: dict[str, Any], name: str, kind: str, plural: str) -> Any:
    """Return the part of the block that a scan names.

    :raises BlockError: if the block does not have it
    """
    if name not in collection:
        definition.reader.refuse(f"names {name[:80]!r}, which is not in {plural}", f"{kind}_ref")
    return collection[name]


def scan_types(definitions: list[Definition]) -> list[str]:
    """Return a name for the scan type of each scan, where the block names none: that of its definition.

    Real blocks repeat it with another target.
    """
    return unique_names((part.name, (part.name, part.target, part.csp)) for part in definitions)


def unique_names(wanted: Iterable[tuple[str, Hashable]]) -> list[str]:
    """Return a name for each thing, as like the wanted one as may be: equal things share one, others do not.

    :param wanted: the wanted name of each, and what it is
    """
    names: dict[Hashable, str] = {}
    used: set[str] = set()
    numbers: dict[str, int] = {}
    result = []
    for name, what in wanted:
        if what not in names:
            free = name
            while free in used:
                numbers[name] = numbers.get(name, 1) + 1
                free = f"{name}-{numbers[name]}"
            used.add(free)
            names[what] = free
        result.append(names[what])
    return result

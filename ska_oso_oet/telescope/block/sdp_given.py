"""The part for the SDP of blocks until PDM 24, which hold an execution block of their own.

Their identifiers are made anew, because the SDP takes none twice; their references are renamed.
"""

from __future__ import annotations

from typing import Any

from .execution import Observation, execution_block, with_instance
from .ids import unique_id
from .reading import Reader, named


def given_assignment(configuration: Reader, seen: Observation) -> tuple[dict[str, Any], list[str]]:
    """Return the part of AssignResources, and the scan type of each scan.

    :raises BlockError: if a scan has no scan type, or a part is not understood
    """
    own = configuration.object("execution_block")
    block = execution_block(seen)
    if own.has("max_length"):
        block["max_length"] = own.number("max_length")
    block |= {"context": own.raw("context") or {}}
    for key in ("beams", "channels", "polarisations"):
        block[key] = [reader.raw_all() for reader in own.objects(key)]
    types = [_scan_type(reader) for reader in own.objects("scan_types")]
    block["scan_types"] = types
    own.harmless("eb_id", "fields")  # both are made anew
    own.close()
    known = {scan_type["scan_type_id"] for scan_type in types}
    chosen = []
    for definition in seen.beams[0].definitions:
        if definition.scan_type is None:
            definition.reader.refuse("has no scan_type_ref")
        if definition.scan_type not in known:
            definition.reader.refuse(
                f"names {definition.scan_type[:80]!r}, which is not in {own.path}.scan_types", "scan_type_ref"
            )
        chosen.append(definition.scan_type)
    body = {
        "execution_block": block,
        "processing_blocks": _processing_blocks(configuration, seen),
        "resources": configuration.raw("resources") or {"receptors": seen.receptors},
    }
    configuration.harmless("interface")
    configuration.close()
    return body, chosen


def _scan_type(reader: Reader) -> dict[str, Any]:
    scan_type: dict[str, Any] = {"scan_type_id": reader.text("scan_type_id"), "beams": {}}
    if reader.has("derive_from"):
        scan_type["derive_from"] = reader.text("derive_from")
    for beam in reader.objects("beams"):
        parts = {f"{name}_id": beam.reference(name) for name in ("field", "channels", "polarisations")}
        name = beam.reference("beam") or beam.text("beam_id")
        beam.harmless("beam_id")
        beam.close()
        scan_type["beams"][name] = {key: value for key, value in parts.items() if value is not None}
    reader.close()
    return scan_type


def _processing_blocks(configuration: Reader, seen: Observation) -> list[dict[str, Any]]:
    readers = named(configuration.objects("processing_blocks"), "pb_id")
    anew = {old: unique_id("pb", seen.surroundings.subarray_id) for old in readers}
    return [_renamed(reader, anew, seen) for reader in readers.values()]


def _renamed(reader: Reader, anew: dict[str, str], seen: Observation) -> dict[str, Any]:
    script = reader.object("script")
    processing: dict[str, Any] = {
        "pb_id": anew[reader.text("pb_id")],
        "script": {key: script.text(key) for key in ("kind", "name", "version")},
        "parameters": reader.raw("parameters") or {},
    }
    script.close()
    dependencies = []
    for dependency in reader.objects("dependencies"):
        old = dependency.reference("pb") or dependency.text("pb_id")
        if old not in anew:
            dependency.refuse(f"names {old[:80]!r}, which is no processing block", "pb_ref")
        dependencies.append({"pb_id": anew[old], "kind": dependency.texts("kind")})
        dependency.harmless("pb_id")
        dependency.close()
    if dependencies:
        processing["dependencies"] = dependencies
    reader.harmless("sbi_refs", "sbi_ids")  # this run has an instance of its own
    reader.close()
    return with_instance(processing, seen)

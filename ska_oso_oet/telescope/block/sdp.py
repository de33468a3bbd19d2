"""The part of AssignResources for the Science Data Processor (SDP)."""

from __future__ import annotations

import dataclasses
from typing import Any

from .execution import Observation, execution_block, with_instance
from .ids import unique_id
from .reading import Reader, short
from .sdp_given import given_assignment
from .sequence import scan_types, unique_names
from .surroundings import Surroundings

_POLARISATIONS = {"polarisations_id": "all", "corr_type": ["XX", "XY", "YX", "YY"]}


def assignment(block: Reader, seen: Observation) -> tuple[dict[str, Any], list[str]]:
    """Return the part of AssignResources, and the scan type of each scan.

    :raises BlockError: if the block, and the observatory, do not say how to process
    """
    if block.has("sdp_configuration"):
        body, types = given_assignment(block.object("sdp_configuration"), seen)
    else:
        body, types = _derived(block, seen)
    body["interface"] = seen.surroundings.interfaces.url("sdp_assign")
    return body, types


# -- PDM 25 and later: scripts and their parameters; the rest follows from targets and channels ------------


def _derived(block: Reader, seen: Observation) -> tuple[dict[str, Any], list[str]]:
    configurations = block.objects("sdp_configurations") or _of_the_observatory(block, seen.surroundings)
    link_map = seen.surroundings.observatory.get("link_map")
    types = [scan_types(beam.definitions) for beam in seen.beams]
    together = _together(types)
    used = dict.fromkeys(definition.csp for beam in seen.beams for definition in beam.definitions)
    channels = {name: f"vis_channels_{number}" for number, name in enumerate(used, 1)}
    body = {
        "execution_block": execution_block(seen)
        | {
            "beams": [
                {"beam_id": f"vis{b.number}", "function": "visibilities", "visibility_beam_id": b.number}
                for b in seen.beams
            ],
            "channels": [
                {"channels_id": channels[name], "spectral_windows": _spectral_windows(seen, name, link_map)}
                for name in used
            ],
            "polarisations": [_POLARISATIONS],
            "scan_types": _scan_types(seen, together, channels),
        },
        "processing_blocks": [_processing_block(part, seen) for part in configurations],
        "resources": {"receptors": seen.receptors},
    }
    return body, together


def _together(types: list[list[str]]) -> list[str]:
    """The name of each scan type, if several beams scan together: that of the first, made unique."""
    return unique_names((combination[0], combination) for combination in zip(*types, strict=True))


def _of_the_observatory(block: Reader, surroundings: Surroundings) -> list[Reader]:
    path = "sdp_configurations"
    members = surroundings.required(path, f"{block.about}, which has no {path},")
    return [
        Reader(part, f"{path}[{number}] of the observatory", block.about)
        for number, part in enumerate(members)
    ]


def _processing_block(part: Reader, seen: Observation) -> dict[str, Any]:
    name = part.text("sdp_script")
    kind = seen.surroundings.kind_of(name, f"{part.about}: {part.path}.sdp_script {short(name)}")
    processing: dict[str, Any] = {
        "pb_id": unique_id("pb", seen.surroundings.subarray_id),
        "script": {"kind": kind, "name": name, "version": part.text("script_version")},
        "parameters": part.raw("script_parameters") or {},
    }
    part.harmless("name", "description")
    part.close()
    return with_instance(processing, seen)


def _spectral_windows(seen: Observation, name: str, link_map: Any) -> list[dict[str, Any]]:
    more = (
        {}
        if link_map is None and seen.surroundings.interfaces.fields_by_attributes
        else {"link_map": link_map or []}
    )
    return [
        {"spectral_window_id": f"vis_spw_{number}", "stride": 1, **dataclasses.asdict(window), **more}
        for number, window in enumerate(seen.windows[name], 1)
    ]


def _scan_types(seen: Observation, names: list[str], channels: dict[str, str]) -> list[dict[str, Any]]:
    types = {}
    for place, name in enumerate(names):
        beams = {}
        for beam in seen.beams:
            definition = beam.definitions[place]
            beams[f"vis{beam.number}"] = {
                "field_id": definition.target,
                "channels_id": channels[definition.csp],
                "polarisations_id": _POLARISATIONS["polarisations_id"],
            }
        types[name] = {"scan_type_id": name, "beams": beams}
    return list(types.values())

"""Scheduling blocks that take little time, of every generation that is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[2] / "demo" / "oda" / "sbd"
GENERATIONS = (17, 18, 22, 25, 28)


def sample(telescope: str = "mid", *, scan_duration: float = 50, scans: int = 2) -> dict[str, Any]:
    """A sample block.

    :param scan_duration: milliseconds
    """
    document: dict[str, Any] = json.loads((SAMPLES / f"sbd-{telescope}-demo" / "1.json").read_text())
    allocation = allocation_of(document)
    for definition in allocation["scan_sequence"]:
        definition["scan_duration_ms"] = scan_duration
        definition["scan_duration"] = {"value": scan_duration, "unit": "ms"}
    allocation["scan_sequence"] = (allocation["scan_sequence"] * scans)[:scans]
    return document


def allocation_of(document: dict[str, Any]) -> dict[str, Any]:
    """The part of a block that holds its scans."""
    if document["telescope"] == "ska_low":
        beam: dict[str, Any] = document["mccs_allocation"]["subarray_beams"][0]
        return beam
    dishes: dict[str, Any] = document["dish_allocations"]
    return dishes


def block_of(telescope: str, generation: int, scan_duration: float = 50) -> dict[str, Any]:
    """A sample block as a generation of the data model (PDM) writes it."""
    document = sample(telescope, scan_duration=scan_duration)
    document["metadata"]["pdm_version"] = f"{generation}.0.0"
    allocation = allocation_of(document)
    if generation < 27:
        for definition in allocation["scan_sequence"]:
            del definition["scan_duration"], definition["scan_intent"]
    if generation < 26:
        for target in document["targets"]:
            place = target["reference_coordinate"]
            target["reference_coordinate"] = {
                "kind": "icrs",
                "ra": place["ra_str"],
                "dec": place["dec_str"],
            }
    if generation < 25:
        del document["sdp_configurations"]
    if generation < 22:
        _scans_at_the_top(document, allocation)
    if generation < 18:
        document["sdp_configuration"] = _sdp_configuration(document)
    return document


def _scans_at_the_top(document: dict[str, Any], allocation: dict[str, Any]) -> None:
    scans = allocation.pop("scan_sequence")
    document["scan_definitions"] = list({scan["scan_definition_id"]: scan for scan in scans}.values())
    document["scan_sequence"] = [scan["scan_definition_id"] for scan in scans]
    for target in document["targets"]:
        target["reference_coordinate"] |= {
            "kind": "equatorial",
            "reference_frame": "icrs",
            "unit": ["hourangle", "deg"],
        }


def _sdp_configuration(document: dict[str, Any]) -> dict[str, Any]:
    scan_types: list[dict[str, Any]] = [
        {
            "scan_type_id": ".default",
            "beams": [{"beam_ref": "vis0", "channels_ref": "channels", "polarisations_ref": "all"}],
        }
    ]
    for definition in document["scan_definitions"]:
        definition["scan_type_ref"] = f"type of {definition['scan_definition_id']}"
        beams = [{"beam_ref": "vis0", "field_ref": definition["target_ref"]}]
        scan_types.append(
            {"scan_type_id": definition["scan_type_ref"], "derive_from": ".default", "beams": beams}
        )
    window = {"spectral_window_id": "w", "count": 20, "start": 0, "stride": 1, "freq_min": 1e9}
    return {
        "execution_block": {
            "eb_id": "eb-mvp01-20200325-00001",
            "max_length": 100.0,
            "context": {},
            "beams": [{"beam_id": "vis0", "function": "visibilities"}],
            "channels": [{"channels_id": "channels", "spectral_windows": [window | {"freq_max": 1.1e9}]}],
            "polarisations": [{"polarisations_id": "all", "corr_type": ["XX", "YY"]}],
            "scan_types": scan_types,
        },
        "processing_blocks": [
            {
                "pb_id": "pb-mvp01-20200325-00001",
                "sbi_refs": ["sbi-old"],
                "script": {"kind": "realtime", "name": "vis-receive", "version": "4.2.1"},
                "parameters": {"channels_per_port": 20},
            },
            {
                "pb_id": "pb-mvp01-20200325-00002",
                "script": {"kind": "batch", "name": "ical", "version": "0.1.0"},
                "dependencies": [{"pb_ref": "pb-mvp01-20200325-00001", "kind": ["visibilities"]}],
            },
        ],
        "resources": {"receive_nodes": 1},
    }

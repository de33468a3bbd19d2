"""A scheduling block as requests to the telescope."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.telescope.block import Block, BlockError

SAMPLES = Path(__file__).parents[2] / "demo" / "oda" / "sbd"


def _sample(telescope: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SAMPLES / f"sbd-{telescope}-demo" / "1.json").read_text())
    return document


def test_mid_assigns_dishes_and_low_stations() -> None:
    mid, low = Block(_sample("mid")).assign(2), Block(_sample("low")).assign(2)
    assert mid["subarray_id"] == low["subarray_id"] == 2
    assert mid["dish"] == {"receptor_ids": ["SKA001", "SKA036", "SKA063", "SKA100"]}
    assert low["mccs"] == {"subarray_beam_ids": ["1"], "station_ids": [[1, 2]], "channel_blocks": [3]}
    assert mid["interface"].startswith("https://schema.skao.int/ska-tmc-assignresources/")
    assert low["interface"].startswith("https://schema.skao.int/ska-low-tmc-assignresources/")


def test_scans_come_in_the_order_of_the_sequence_with_numbers_of_their_own() -> None:
    document = _sample("mid") | {"scan_sequence": ["science", "calibrator", "science"]}
    scans = Block(document).scans
    assert [(s.number, s.definition["scan_definition_id"], s.duration) for s in scans] == [
        (1, "science", 3.0),
        (2, "calibrator", 1.0),
        (3, "science", 3.0),
    ]


def test_without_a_sequence_every_definition_is_observed_once() -> None:
    document = _sample("mid")
    del document["scan_sequence"]
    assert [s.definition["scan_definition_id"] for s in Block(document).scans] == ["calibrator", "science"]


def test_a_configuration_names_target_band_and_duration() -> None:
    block = Block(_sample("mid"))
    request = block.configure(block.scans[1])
    assert request["pointing"]["target"]["target_name"] == "Fornax A"
    assert request["pointing"]["target"]["reference_frame"] == "ICRS"
    assert request["dish"] == {"receiver_band": "2"}
    assert request["csp"]["config_id"] == "continuum"
    assert request["sdp"] == {"scan_type": "science"}
    assert request["tmc"] == {"scan_duration": 3.0}


def test_low_configures_its_beams() -> None:
    block = Block(_sample("low"))
    request = block.configure(block.scans[0])
    assert request["mccs"]["subarray_beams"][0]["subarray_beam_id"] == 1
    assert "pointing" not in request


def test_the_newer_name_of_the_duration_goes_first() -> None:
    document = _sample("low")
    document["scan_definitions"][0]["scan_duration_ms"] = 250
    assert Block(document).scans[0].duration == 0.25


def _without(*path: Any) -> dict[str, Any]:
    document = copy.deepcopy(_sample("mid"))
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (_without("dish_allocations"), "scheduling block sbd-mid-demo has no dish_allocations"),
        (_without("dish_allocations", "receptor_ids"), "has no dish_allocations"),
        (_without("targets"), "has no 'PKS 1934-638' in targets"),
        (_without("csp_configurations"), "has no 'continuum' in csp_configurations"),
        (_without("scan_definitions", 1), "has no scan definition 'science'"),
        (
            _without("scan_definitions", 0, "scan_duration"),
            "scan definition 'calibrator' .* has no scan_duration",
        ),
        ({"sbd_id": "sbd-x", "telescope": "ska_mid"}, "scheduling block sbd-x has no scans"),
    ],
)
def test_what_is_missing_shows_before_anything_is_commanded(document: dict[str, Any], message: str) -> None:
    with pytest.raises(BlockError, match=message):
        Block(document)

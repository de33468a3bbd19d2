"""A scheduling block as commands to the telescope: what is read, and what is refused with which sentence."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet.telescope.block import Block, BlockError, Surroundings
from ska_oso_oet.telescope.observation import Limits

from ..support.blocks import GENERATIONS, allocation_of, block_of, sample

OBSERVATORY = {
    "fsp_ids": [1, 2, 3, 4],
    "telescope_model": {"source_uris": ["car:layouts"], "array_layout_path": "layout.json"},
    "sdp_configurations": [{"sdp_script": "vis-receive", "script_version": "1.0", "script_parameters": {}}],
}
Change = Callable[[dict[str, Any]], object]


def opened(document: dict[str, Any], *, version: str = "", observatory: Any = OBSERVATORY) -> Block:
    telescope = "SKA-low" if document.get("telescope") == "ska_low" else "SKA-mid"
    environ = {"SKA_TELESCOPE": telescope, "OET_TMC_INTERFACES": version, "OET_SUBARRAY_ID": "2"}
    return Block(document, Surroundings.of(environ, observatory), sbi_id="sbi-1")


def correlator(document: dict[str, Any]) -> dict[str, Any]:
    """The spectral window of a sample."""
    configuration = document["csp_configurations"][0]
    part = configuration.get("midcbf") or configuration["lowcbf"]
    [window] = part["subbands"][0]["correlation_spws"] if "subbands" in part else part["correlation_spws"]
    found: dict[str, Any] = window
    return found


def coordinate(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["targets"][0]["reference_coordinate"]
    return found


# -- what is commanded -------------------------------------------------------------------------------------


@pytest.mark.parametrize("telescope", ["mid", "low"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_generation_gives_the_same_observation(telescope: str, generation: int) -> None:
    block, newest = opened(block_of(telescope, generation)), opened(block_of(telescope, GENERATIONS[-1]))
    assert [scan.duration for scan in block.scans] == [scan.duration for scan in newest.scans] == [0.05] * 2
    for scan, same in zip(block.scans, newest.scans, strict=True):
        ours, theirs = block.configure(scan), newest.configure(same)
        assert ours.keys() == theirs.keys()
        for part in ours.keys() - {"sdp", "csp", "pointing"}:
            assert ours[part] == theirs[part]
    sdp = block.assign(2)["sdp"]
    types = [scan_type["scan_type_id"] for scan_type in sdp["execution_block"]["scan_types"]]
    assert {block.configure(scan)["sdp"]["scan_type"] for scan in block.scans} <= set(types)
    assert sdp["execution_block"]["eb_id"] == block.eb_id
    assert all(part["sbi_ids"] == ["sbi-1"] for part in sdp["processing_blocks"])


def test_mid_points_tunes_and_correlates_as_the_block_says() -> None:
    block = opened(sample("mid"))
    request = block.configure(block.scans[1])
    [group] = request["pointing"]["groups"]
    assert group["field"]["target_name"] == "Fornax A"
    assert group["field"]["reference_frame"] == "icrs"
    assert group["field"]["attrs"]["c1"] == pytest.approx(50.6741208, abs=1e-6)
    assert group["field"]["attrs"]["c2"] == pytest.approx(-37.2082, abs=1e-6)
    assert request["dish"] == {"receiver_band": "2"}
    [region] = request["csp"]["midcbf"]["correlation"]["processing_regions"]
    assert region["start_freq"] == 1310000000 - 14880 * 13440 // 2 + 6720
    assert (region["channel_count"], region["channel_width"], region["integration_factor"]) == (
        14880,
        13440,
        10,
    )
    assert block.assign(2)["dish"] == {"receptor_ids": ["SKA001", "SKA036", "SKA063", "SKA100"]}
    assert block.assign(2)["telmodel"]["array_layout_path"] == "layout.json"


def test_low_forms_its_beams_as_the_block_says() -> None:
    block = opened(sample("low"))
    request = block.configure(block.scans[0])
    [beam] = request["mccs"]["subarray_beams"]
    assert beam["logical_bands"] == [{"start_channel": 206, "number_of_channels": 96}]
    assert beam["sky_coordinates"]["reference_frame"] == "ICRS"
    assert [aperture["aperture_id"] for aperture in beam["apertures"]] == [
        "AP345.01",
        "AP350.01",
        "AP352.01",
        "AP431.01",
    ]
    cbf = request["csp"]["lowcbf"]
    assert cbf["stations"]["stn_beams"] == [{"beam_id": 1, "freq_ids": list(range(206, 302))}]
    [window] = block.assign(2)["sdp"]["execution_block"]["channels"][0]["spectral_windows"]
    assert (window["count"], window["freq_min"], window["freq_max"]) == (
        96 * 144,
        198046875 - 48 * 781250,
        198046875 + 48 * 781250,
    )


def test_each_run_has_identifiers_of_its_own() -> None:
    first, second = opened(block_of("mid", 17)), opened(block_of("mid", 17))
    known: set[str] = set()
    for block in (first, second):
        sdp = block.assign(2)["sdp"]
        ids = {sdp["execution_block"]["eb_id"], *(part["pb_id"] for part in sdp["processing_blocks"])}
        assert len(ids) == 3
        assert not ids & known
        known |= ids
        batch = sdp["processing_blocks"][1]
        assert batch["dependencies"][0]["pb_id"] == sdp["processing_blocks"][0]["pb_id"]
    assert "eb-mvp01-20200325-00001" not in known
    scan_ids = [first.new_scan_id() for _ in range(1000)]
    assert len({*scan_ids, second.new_scan_id()}) == 1001
    assert max(scan_ids) < 2**53


def test_five_points_are_one_configuration_and_four_that_move_the_pointing() -> None:
    document = sample("mid", scans=1)
    document["targets"][0]["pointing_pattern"] = {
        "active": "FivePointParameters",
        "parameters": [
            {"kind": "FivePointParameters", "offset_arcsec": 5.0},
            {"kind": "RasterParameters", "n_rows": 2},
        ],
    }
    scans = opened(document).scans
    assert [scan.partial for scan in scans] == [False, True, True, True, True]
    assert [tuple(scan.configuration["pointing"]["target"].values()) for scan in scans[1:]] == [
        (0.0, 5.0),
        (0.0, -5.0),
        (5.0, 0.0),
        (-5.0, 0.0),
    ]


def test_an_offset_moves_the_direction() -> None:
    document = sample("mid", scans=1)
    before = opened(document).scans[0].configuration["pointing"]["groups"][0]["field"]["attrs"]
    document["targets"][0]["pointing_pattern"]["parameters"][0]["offsets"] = [{"x": 0, "y": 3600}]
    after = opened(document).scans[0].configuration["pointing"]["groups"][0]["field"]["attrs"]
    assert after["c1"] == pytest.approx(before["c1"])
    assert after["c2"] == pytest.approx(before["c2"] + 1, abs=1e-4)


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"kind": "special", "name": "sun"}, {"target_name": "Sun", "reference_frame": "special"}),
        (
            {"kind": "galactic", "l": 10.5, "b": -3},
            {"reference_frame": "galactic", "attrs": {"c1": 10.5, "c2": -3.0}},
        ),
        (
            {"kind": "horizontal", "az": 180.0, "el": 45.0, "reference_frame": "ALTAZ", "unit": ["deg"]},
            {"reference_frame": "altaz", "attrs": {"c1": 180.0, "c2": 45.0}},
        ),
        (
            {"kind": "equatorial", "ra": 10.0, "dec": "-00:30:00", "unit": ["deg", "deg"]},
            {"reference_frame": "icrs", "attrs": {"c1": 10.0, "c2": -0.5}},
        ),
    ],
    ids=["special", "galactic", "horizontal", "degrees"],
)
def test_a_direction_keeps_its_frame(place: dict[str, Any], field: dict[str, Any]) -> None:
    document = sample("mid", scans=1)
    document["targets"][0]["reference_coordinate"] = place
    told = opened(document).scans[0].configuration["pointing"]["groups"][0]["field"]
    assert told.items() >= field.items()


def test_a_block_without_scans_assigns_and_releases() -> None:
    for telescope in ("mid", "low"):
        document = sample(telescope, scans=0)
        block = opened(document)
        assert block.scans == []
        assert block.assign(2)["sdp"]["execution_block"]["scan_types"] == []
        assert block.release(2)["release_all"] is True


def test_a_name_that_is_repeated_with_another_target_is_another_scan_type() -> None:
    document = sample("mid")
    for definition in allocation_of(document)["scan_sequence"]:
        definition["scan_definition_id"] = "same"
    block = opened(document)
    assert [scan.configuration["sdp"]["scan_type"] for scan in block.scans] == ["same", "same-2"]


def test_scan_types_of_other_targets_have_other_names() -> None:
    document = sample("mid", scans=3)
    document["targets"].append({**document["targets"][0], "target_id": "target-00003"})
    whole = allocation_of(document)["scan_sequence"][0]
    scans = allocation_of(document)["scan_sequence"] = [
        {**whole, "scan_definition_id": name, "target_ref": f"target-0000{target}"}
        for name, target in (("cal", 1), ("cal", 2), ("cal-2", 3))
    ]
    block = opened(document)
    types = [scan.configuration["sdp"]["scan_type"] for scan in block.scans]
    assert len(set(types)) == len(scans)
    told = {t["scan_type_id"]: t["beams"]["vis1"]["field_id"] for t in _scan_types(block)}
    assert [told[name] for name in types] == [scan["target_ref"] for scan in scans]


def _scan_types(block: Block) -> Any:
    return block.assign(1)["sdp"]["execution_block"]["scan_types"]


def test_five_points_take_five_times_as_long() -> None:
    document = sample("mid", scan_duration=60_000, scans=1)
    document["targets"][0]["pointing_pattern"] = {
        "active": "FivePointParameters",
        "parameters": [{"kind": "FivePointParameters", "offset_arcsec": 5.0}],
    }
    assert opened(document).assign(1)["sdp"]["execution_block"]["max_length"] == 300


def test_numbers_of_right_ascension_are_hours_unless_they_are_degrees() -> None:
    document = sample("mid", scans=1)
    for unit, c1 in ((["hourangle", "deg"], 204.0), (None, 204.0), (["deg", "deg"], 13.6)):
        place = {"kind": "equatorial", "ra": 13.6, "dec": -30} | ({"unit": unit} if unit else {})
        document["targets"][0]["reference_coordinate"] = place
        [group] = opened(document).scans[0].configuration["pointing"]["groups"]
        assert group["field"]["attrs"]["c1"] == pytest.approx(c1)


@pytest.mark.timeout(30)
def test_a_large_block_costs_neither_time_nor_memory() -> None:
    document = sample("low")
    [beam] = document["mccs_allocation"]["subarray_beams"]
    [scan, *_] = beam["scan_sequence"]
    several = [{**scan, "scan_definition_id": f"b{number}"} for number in range(5000)]
    other = {**beam, "subarray_beam_id": 2, "scan_sequence": several}
    beam["scan_sequence"] = [scan] * 5000
    beam["apertures"] = [
        {"station_id": number, "substation_id": 1, "weighting_key": "uniform"} for number in range(1, 513)
    ]
    document["mccs_allocation"]["subarray_beams"] = [beam, other]
    tracemalloc.start()
    block = opened(document)
    assert len(block.scans) == 5000
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


def test_beams_of_low_scan_together() -> None:
    document = sample("low")
    [beam] = document["mccs_allocation"]["subarray_beams"]
    document["mccs_allocation"]["subarray_beams"].append(beam | {"subarray_beam_id": 2})
    block = opened(document)
    assert len(block.scans) == 2
    assert [b["subarray_beam_id"] for b in block.configure(block.scans[0])["mccs"]["subarray_beams"]] == [
        1,
        2,
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: correlator(d).update(number_of_channels=14890), "the correlator takes 14880"),
        (lambda d: None, None),
    ],
)
def test_a_value_that_the_telescope_only_comes_near_to_is_told(change: Change, sentence: str | None) -> None:
    document = sample("mid")
    change(document)
    assert [sentence in told for told in opened(document).adjusted if sentence] == (
        [True] if sentence else []
    )


def test_a_centre_between_coarse_channels_is_told() -> None:
    document = sample("low")
    correlator(document).update(centre_frequency=200000000)
    [told] = opened(document).adjusted
    assert "is 200000000 Hz; a beam of 96 coarse channels from an even one has 199609375 Hz" in told


# -- what is refused ---------------------------------------------------------------------------------------


def first_scan(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = allocation_of(document)["scan_sequence"][0]
    return found


MID: list[tuple[Change, str]] = [
    (lambda d: d.pop("dish_allocations"), "dish_allocations must be an object, not None"),
    (lambda d: allocation_of(d).pop("dish_ids"), "dish_allocations has no dish_ids"),
    (lambda d: allocation_of(d).update(dish_ids=["A", "A"]), "dish_ids repeats a dish"),
    (lambda d: d.pop("targets"), "has a scan of 'target-00001', which is not in targets"),
    (lambda d: d.pop("csp_configurations"), "names 'csp-configuration-00001', which is not in csp_config"),
    (
        lambda d: first_scan(d).pop("target_ref"),
        r"scan_sequence\[0\] has no target_ref",
    ),
    (
        lambda d: first_scan(d).pop("csp_configuration_ref"),
        r"scan_sequence\[0\] has no csp_configuration_ref",
    ),
    (
        lambda d: first_scan(d).update(scan_duration_ms=7),
        "has a scan_duration and a scan_duration_ms that differ",
    ),
    (
        lambda d: first_scan(d).update(scan_duration={"value": 1, "unit": "fortnight"}),
        "unit must be one of s, ms, min, h",
    ),
    (
        lambda d: first_scan(d).update(zenith_mode=True),
        r"dish_allocations.scan_sequence\[0\].zenith_mode is not understood, and may decide how is observed",
    ),
    (
        lambda d: d.update(scan_definitions=[{"scan_definition_id": "x"}]),
        "has scans both in scan_def",
    ),
    (lambda d: coordinate(d).update(kind="tle"), "kind must be icrs, equatorial, galactic, altaz or special"),
    (
        lambda d: coordinate(d).update(ra_str="noon"),
        "ra_str must be an angle such as .*, not 'noon'",
    ),
    (lambda d: coordinate(d).update(ra_str="25:00:00"), "is no direction: its angles are out of range"),
    (lambda d: coordinate(d).update(pm_ra=3.5), "pm_ra other than 0 cannot be passed on with certainty"),
    (
        lambda d: d["targets"][0].update(tied_array_beams={"pst_beams": [{"beam_id": 1}]}),
        "asks for beams of pulsars, which are not observed",
    ),
    (
        lambda d: d["targets"][0]["pointing_pattern"]["parameters"][0].update(offsets=[{}, {}]),
        "has 2 pointings; mosaics of one pointing are observed",
    ),
    (
        lambda d: d["csp_configurations"][0]["midcbf"].update(subbands=[]),
        "midcbf.subbands has no correlation_spws",
    ),
    (lambda d: d["csp_configurations"][0]["midcbf"].update(frequency_band="7"), "must be one of 1, 2, 3"),
    (lambda d: correlator(d).update(centre_frequency=797.5), "is outside band 2"),
    (
        lambda d: correlator(d).update(centre_frequency=10**400),
        "centre_frequency must be a number, not a l",
    ),
    (lambda d: correlator(d).update(number_of_channels=1e14), "must be 20 to 58980, not 100000000000000"),
    (lambda d: d["targets"][0].update(tied_array_beams=[1]), "asks for beams of pulsars"),
    (
        lambda d: d["targets"][0]["pointing_pattern"]["parameters"][0].update(offsets=[{"x": 3e5, "y": 0}]),
        "has an offset of more than 18000 arcsec",
    ),
    (lambda d: first_scan(d).update(scan_duration_ms=1e12, scan_duration=None), "of more than 1000000 s"),
    (lambda d: coordinate(d).update(ra_str=None, ra=12.5), "is a number, and no unit; write ra_str"),
    (lambda d: d.update(mccs_allocation=1), "has mccs_allocation, which is of the other telescope"),
    (lambda d: correlator(d).update(channel_averaging_factor=2), "other than 1 is not observed"),
    (lambda d: correlator(d).update(zoom_factor=9), "zoom_factor must be 0 to 6, not 9"),
    (
        lambda d: d["csp_configurations"][0]["midcbf"]["subbands"].extend(
            d["csp_configurations"][0]["midcbf"]["subbands"] * 4
        ),
        "needs more frequency slice processors",
    ),
    (
        lambda d: [
            d["csp_configurations"][0]["midcbf"].update(frequency_band="5b"),
            correlator(d).update(centre_frequency=11.8e9),
        ],
        "needs band_5_tuning",
    ),
    (
        lambda d: d["sdp_configurations"][0].update(sdp_script="dishwasher"),
        "'dishwasher' is not known to be realtime or batch",
    ),
    (lambda d: d.update(telescope="ska_high"), "telescope must be ska_mid or ska_low, not 'ska_high'"),
    (lambda d: d.update(mccs_allocation={"x": 1}), "has mccs_allocation, which is of the other telescope"),
    (lambda d: d["metadata"].update(pdm_version="29.1.0"), "is of PDM 29.1.0, which is newer than this OET"),
    (lambda d: d.update(scanDefinitions={}), "is of 2020, before PDM 2 .*blocks of PDM 17 to 28 are read"),
    (
        lambda d: d.update(field_configurations=[{}]),
        "is written as PDM 8 or 9 was .*blocks of PDM 17 to 28 are read",
    ),
    (
        lambda d: d["csp_configurations"][0].update(cbf={"fsp": []}),
        r"is written as PDM 8 to 16 was \(csp_configurations\[0\].cbf\); blocks of PDM 17 to 28 are read",
    ),
]
LOW: list[tuple[Change, str]] = [
    (lambda d: d["mccs_allocation"].update(subarray_beams=[]), "mccs_allocation has no subarray_beams"),
    (lambda d: allocation_of(d).update(apertures=[]), r"subarray_beams\[0\] has no apertures"),
    (
        lambda d: allocation_of(d)["apertures"].append(allocation_of(d)["apertures"][0]),
        r"apertures\[4\] repeats station 345, substation 1",
    ),
    (
        lambda d: d["mccs_allocation"]["subarray_beams"].append(
            {**allocation_of(d), "subarray_beam_id": 2, "scan_sequence": []}
        ),
        "has beams with different numbers of scans",
    ),
    (lambda d: d["csp_configurations"][0]["lowcbf"].update(do_pst=True), "do_pst asks for pulsar timing"),
    (lambda d: correlator(d).update(number_of_channels=100), "their number a multiple of 8"),
    (lambda d: correlator(d).update(number_of_channels=1000), "must be at most 512, or a multiple of 144"),
    (lambda d: correlator(d).update(integration_time_ms=-5), "must be more than 0"),
    (lambda d: correlator(d).update(integration_time_ms=0.3), "integrates 0 ms; it must be 1 to 100000"),
    (lambda d: allocation_of(d)["apertures"][0].update(station_id=10**9), "must have station_id 1 to 512"),
    (lambda d: allocation_of(d).update(subarray_beam_id=99), "subarray_beam_id must be 1 to 48"),
    (lambda d: correlator(d).update(zoom_factor=1), "zoom_factor other than 0 is not observed"),
    (
        lambda d: d["mccs_allocation"].update(station_ids=[[1]]),
        r"is written as PDM 8 to 16 was \(mccs_allocation.station_ids\)",
    ),
    (
        lambda d: d["targets"][0].update(reference_coordinate={"kind": "special", "name": "Sun"}),
        "in special; SKA-low observes icrs",
    ),
]


@pytest.mark.parametrize(
    ("telescope", "change", "sentence"),
    [*(("mid", *case) for case in MID), *(("low", *case) for case in LOW)],
)
def test_what_cannot_be_observed_is_refused_before_anything_is_commanded(
    telescope: str, change: Change, sentence: str
) -> None:
    document = json.loads(json.dumps(sample(telescope)))
    change(document)
    with pytest.raises(BlockError, match=f"scheduling block sbd-{telescope}-demo.*{sentence}"):
        opened(document)


def test_what_only_the_observatory_knows_is_asked_for() -> None:
    with pytest.raises(BlockError, match="needs fsp_ids of the observatory; set it in OET_OBSERVATORY"):
        opened(sample("mid"), observatory={})
    with pytest.raises(BlockError, match="has no sdp_configurations, needs sdp_configurations of the obs"):
        opened(block_of("low", 22), observatory={"fsp_ids": [1]})
    with pytest.raises(BlockError, match="the observatory has no member 'fsp'; its members are fsp_ids,"):
        opened(sample("mid"), observatory={"fsp": [1]})
    with pytest.raises(BlockError, match="fsp_ids of the observatory must be a list of different whole"):
        opened(sample("mid"), observatory={"fsp_ids": "1"})


@pytest.mark.parametrize(
    "observatory",
    [
        "x",
        [1],
        3,
        {"fsp_ids": [1.5]},
        {"fsp_ids": [1, 1]},
        {"sdp_script_kinds": {"x": []}},
        {"band_5_tuning": [1]},
    ],
)
def test_an_observatory_that_is_none_is_refused(observatory: Any) -> None:
    with pytest.raises(BlockError, match="of the observatory must be|the observatory must be a JSON object"):
        opened(sample("mid"), observatory=observatory)


@pytest.mark.parametrize("seconds", ["x", 0, -1, True, float("nan"), float("inf")])
def test_a_time_limit_is_a_number_of_seconds(seconds: Any) -> None:
    with pytest.raises(ValueError, match="scan_margin must be a number of seconds above 0"):
        Limits(scan_margin=seconds)


def test_a_block_of_the_other_telescope_and_interfaces_of_the_other_are_refused() -> None:
    surroundings = Surroundings.of({"SKA_TELESCOPE": "SKA-low"}, OBSERVATORY)
    with pytest.raises(BlockError, match="is for ska_mid, and this OET observes with SKA-low; run it there"):
        Block(sample("mid"), surroundings)
    with pytest.raises(BlockError, match=r"must be one of 2.4/6.1, 2.1/4.1 for SKA-mid, not '4.0/4.0'"):
        opened(sample("mid"), version="4.0/4.0")


@pytest.mark.parametrize("text", ["[]", "{", '"x"', '{"sdp": NaN}'])
def test_a_file_that_is_no_block_is_refused(tmp_path: Any, text: str) -> None:
    path = tmp_path / "sbd.json"
    path.write_text(text)
    with pytest.raises(BlockError, match="is not"):
        Block.read(str(path))
    with pytest.raises(BlockError, match="nowhere cannot be read: No such file or directory; give sb_json a"):
        Block.read(str(tmp_path / "nowhere"))

"""The commands of an observation with SKA-low."""

from __future__ import annotations

import functools
import math
from typing import Any

from .beams import StationBeam, aperture_id, read_beams
from .execution import Beam, Observation, Window
from .reading import Reader, named
from .scans import Observed, scan_of
from .sdp import assignment
from .sequence import Definition, chosen
from .surroundings import Surroundings
from .targets import Target

_COARSE = 781_250  #: Hz of a coarse channel
_FINE = 144  #: fine channels in a coarse one
_MOST_COARSE = 512  #: a larger number of channels counts fine ones
_LONGEST_INTEGRATION = 100_000  #: milliseconds
_FIRST, _LAST = 2, 511  #: coarse channels a beam may have

Bands = list[dict[str, int]]


class Low(Observed):
    """A block of SKA-low, read in full: the n-th scans of all its beams run together."""

    def __init__(self, block: Reader, surroundings: Surroundings, sbi_id: str, eb_id: str) -> None:
        super().__init__(block, surroundings, eb_id)
        allocation = block.object("mccs_allocation")
        self._beams = read_beams(allocation, block)
        allocation.harmless(
            "mccs_allocation_id", "selected_subarray_definition", "mccs_config_id", "configuration"
        )
        allocation.close()
        sequences = [beam.definitions for beam in self._beams]
        targets = self.targets([part.target for sequence in sequences for part in sequence])
        for name, target in targets.items():
            if target.frame != "icrs":
                block.refuse(f"has a scan of {name!r} in {target.frame}; SKA-low observes icrs")
        configurations = named(block.objects("csp_configurations"), "config_id")
        self._bands: dict[str, tuple[Bands, int, list[Window]]] = {}
        for definition in (part for sequence in sequences for part in sequence):
            part = chosen(
                definition, configurations, definition.csp, "csp_configuration", "csp_configurations"
            )
            if definition.csp not in self._bands:
                self._bands[definition.csp] = _correlation(part)
        if sequences[0]:
            self._processors = surroundings.required("fsp_ids", f"{block.about}: csp_configurations")
        seen = Observation(
            surroundings=surroundings,
            eb_id=eb_id,
            sbi_id=sbi_id,
            beams=[Beam(number=beam.number, definitions=beam.definitions) for beam in self._beams],
            targets=targets,
            windows={name: windows for name, (_bands, _ms, windows) in self._bands.items()},
            receptors=sorted({f"C{station}" for beam in self._beams for station, _ in beam.stations}),
        )
        self._sdp, types = assignment(block, seen)
        for place, scan_type in enumerate(types):
            first = sequences[0][place]
            make = functools.partial(self._configuration, place, targets, scan_type)
            self.scans.append(scan_of(first, targets[first.target], make, place + 1))

    def assign(self) -> dict[str, Any]:
        """The parts of AssignResources."""
        beams = []
        for beam in self._beams:
            channels = [sum(b["number_of_channels"] for b in self._bands[d.csp][0]) for d in beam.definitions]
            beams.append(
                {
                    "subarray_beam_id": beam.number,
                    "apertures": [
                        {"station_id": station, "aperture_id": aperture_id(station, substation)}
                        for station, substation in beam.stations
                    ],
                    "number_of_channels": max(channels or [beam.channels or 8]),
                }
            )
        mccs = {"interface": self.surroundings.interfaces.url("mccs"), "subarray_beams": beams}
        return {"mccs": mccs, "csp": {"pss": {}, "pst": {}}, "sdp": self._sdp}

    def _configuration(self, place: int, targets: dict[str, Target], scan_type: str) -> dict[str, Any]:
        interfaces = self.surroundings.interfaces
        definitions = [beam.definitions[place] for beam in self._beams]
        return {
            "interface": interfaces.url("configure"),
            "mccs": {
                "subarray_beams": [
                    self._beam(beam, definition, targets[definition.target])
                    for beam, definition in zip(self._beams, definitions, strict=True)
                ]
            },
            "csp": {
                "interface": interfaces.url("csp"),
                "common": {"config_id": definitions[0].csp, "eb_id": self.eb_id},
                "lowcbf": self._correlator(definitions),
            },
            "sdp": {"interface": interfaces.url("sdp_configure"), "scan_type": scan_type},
            "tmc": {"scan_duration": definitions[0].duration},
        }

    def _beam(self, beam: StationBeam, definition: Definition, target: Target) -> dict[str, Any]:
        direction = {"reference_frame": "ICRS", "c1": target.attributes["c1"], "c2": target.attributes["c2"]}
        return {
            "update_rate": 0.0,
            "subarray_beam_id": beam.number,
            "logical_bands": self._bands[definition.csp][0],
            "apertures": [
                {"aperture_id": aperture_id(*station), "weighting_key_ref": key}
                for station, key in beam.stations.items()
            ],
            "sky_coordinates": direction,
        }

    def _correlator(self, definitions: list[Definition]) -> dict[str, Any]:
        stations = sorted({station for beam in self._beams for station in beam.stations})
        beams, visibilities = [], []
        for beam, definition in zip(self._beams, definitions, strict=True):
            bands, milliseconds, _windows = self._bands[definition.csp]
            channels = [
                channel
                for band in bands
                for channel in range(
                    band["start_channel"], band["start_channel"] + band["number_of_channels"]
                )
            ]
            beams.append({"beam_id": beam.number, "freq_ids": channels})
            visibilities.append({"stn_beam_id": beam.number, "integration_ms": milliseconds})
        return {
            "stations": {"stns": [list(station) for station in stations], "stn_beams": beams},
            "vis": {"fsp": {"firmware": "vis", "fsp_ids": self._processors}, "stn_beams": visibilities},
        }


def _correlation(configuration: Reader) -> tuple[Bands, int, list[Window]]:
    """The bands, the integration time in ms and the channels of one CSP configuration."""
    if not configuration.has("lowcbf"):
        configuration.refuse("has no lowcbf")
    lowcbf = configuration.object("lowcbf")
    configuration.harmless("name", "description")
    configuration.close()
    if lowcbf.raw("do_pst"):
        lowcbf.refuse("asks for pulsar timing, which is not observed", "do_pst")
    bands: Bands = []
    windows: list[Window] = []
    times = set()
    for window in lowcbf.objects("correlation_spws"):
        bands.append(_band(window, bands))
        times.add(window.positive("integration_time_ms"))
        count = bands[-1]["number_of_channels"] * _FINE
        lowest = (bands[-1]["start_channel"] - 0.5) * _COARSE
        start = windows[-1].start + windows[-1].count if windows else 0
        windows.append(
            Window(count=count, start=start, freq_min=lowest, freq_max=lowest + count * _COARSE / _FINE)
        )
        window.harmless("spw_id", "logical_fsp_ids")  # which processors are free, the observatory knows
        window.close()
    lowcbf.close()
    if not bands:
        lowcbf.refuse("is empty", "correlation_spws")
    if len(times) > 1:
        lowcbf.refuse("has different integration times, which one beam cannot have", "correlation_spws")
    milliseconds = round(times.pop())
    if not 1 <= milliseconds <= _LONGEST_INTEGRATION:
        lowcbf.refuse(
            f"integrates {milliseconds} ms; it must be 1 to {_LONGEST_INTEGRATION}", "correlation_spws"
        )
    return bands, milliseconds, windows


def _band(reader: Reader, others: Bands) -> dict[str, int]:
    count, centre = reader.whole("number_of_channels", 1), reader.number("centre_frequency")
    if reader.has("zoom_factor") and reader.whole("zoom_factor") != 0:
        reader.refuse("other than 0 is not observed", "zoom_factor")
    if count > _MOST_COARSE:
        if count % _FINE:
            reader.refuse(f"must be at most {_MOST_COARSE}, or a multiple of {_FINE}", "number_of_channels")
        count //= _FINE
    start = _first_channel(reader, centre, count)
    if count % 8 or start < _FIRST or start + count - 1 > _LAST:
        reader.refuse(
            f"has coarse channels {start} to {start + count - 1}; they must be {_FIRST} to {_LAST}, "
            "and their number a multiple of 8"
        )
    for other in others:
        if (
            start < other["start_channel"] + other["number_of_channels"]
            and other["start_channel"] < start + count
        ):
            reader.refuse("has channels of another window of the same beam")
    return {"start_channel": start, "number_of_channels": count}


def _first_channel(reader: Reader, centre: float, count: int) -> int:
    """The even coarse channel that a window begins with, or the nearest to it."""
    exact = centre / _COARSE - (count - 1) / 2
    start = 2 * math.floor(exact / 2 + 0.5)
    if abs(exact - start) > 1e-6:
        nearest = (start + (count - 1) / 2) * _COARSE
        reader.adjust(
            f"is {centre:.0f} Hz; a beam of {count} coarse channels from an even one has {nearest:.0f} Hz",
            "centre_frequency",
        )
    return start

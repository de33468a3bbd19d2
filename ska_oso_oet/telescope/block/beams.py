"""The subarray beams of SKA-low: their apertures and their scans."""

from __future__ import annotations

from .reading import Reader
from .sequence import definitions_of

_STATIONS, _SUBSTATIONS, _BEAMS = 512, 48, 48  #: the highest numbers


class StationBeam:
    """One subarray beam: its apertures and its scans."""

    def __init__(self, reader: Reader, block: Reader) -> None:
        self.number = reader.whole("subarray_beam_id", 1)
        if self.number > _BEAMS:
            reader.refuse(f"must be 1 to {_BEAMS}", "subarray_beam_id")
        self.stations: dict[tuple[int, int], str] = {}  #: weighting key by station and substation
        for aperture in reader.objects("apertures"):
            place = (aperture.whole("station_id", 1), aperture.whole("substation_id", 1))
            if place[0] > _STATIONS or place[1] > _SUBSTATIONS:
                aperture.refuse(
                    f"must have station_id 1 to {_STATIONS} and substation_id 1 to {_SUBSTATIONS}"
                )
            if place in self.stations:
                aperture.refuse(f"repeats station {place[0]}, substation {place[1]}")
            self.stations[place] = aperture.text("weighting_key")
            aperture.close()
        if not self.stations:
            reader.refuse("has no apertures")
        self.channels = reader.whole("number_of_channels", 1) if reader.has("number_of_channels") else 0
        self.definitions = definitions_of(block, reader)
        reader.harmless("name", "description")
        reader.close()


def read_beams(allocation: Reader, block: Reader) -> list[StationBeam]:
    """Read the beams of an allocation, whose scans run together.

    :raises BlockError: if they do not fit together
    """
    readers = allocation.objects("subarray_beams")
    if not readers:
        allocation.refuse("has no subarray_beams")
    if len(readers) > 1 and block.raw("scan_definitions"):
        block.refuse("has scan_definitions for several subarray beams, and does not say which is whose")
    beams = [StationBeam(reader, block) for reader in readers]
    if len({beam.number for beam in beams}) < len(beams):
        allocation.refuse("repeats a subarray_beam_id", "subarray_beams")
    if len({len(beam.definitions) for beam in beams}) > 1:
        allocation.refuse(
            "has beams with different numbers of scans, which cannot run together", "subarray_beams"
        )
    for together in zip(*(beam.definitions for beam in beams), strict=True):
        if len({definition.duration for definition in together}) > 1:
            together[0].reader.refuse("has another duration than the scans of other beams that run with it")
    return beams


def aperture_id(station: int, substation: int) -> str:
    """Return the name of an aperture."""
    return f"AP{station:03d}.{substation:02d}"

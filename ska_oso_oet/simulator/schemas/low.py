"""The commands of SKA-low."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .common import Commanded, Count, Degrees, Positive, SdpAssign, SdpConfigure, Strict


class _Aperture(Strict):
    station_id: Annotated[int, Field(ge=1, le=512)]
    aperture_id: Annotated[str, Field(pattern=r"^AP[0-9]{3}\.[0-9]{2}$")]


class _AllocatedBeam(Strict):
    subarray_beam_id: Annotated[int, Field(ge=1, le=48)]
    apertures: Annotated[list[_Aperture], Field(min_length=1)]
    number_of_channels: Annotated[int, Field(ge=8, multiple_of=8)]


class _MccsAllocate(Strict):
    interface: str
    subarray_beams: Annotated[list[_AllocatedBeam], Field(min_length=1)]


class LowAssign(Commanded):
    """The argument of AssignResources."""

    subarray_id: Count
    mccs: _MccsAllocate
    csp: dict[str, Any]
    sdp: SdpAssign


class _Band(Strict):
    start_channel: Annotated[int, Field(ge=2, le=504, multiple_of=2)]
    number_of_channels: Annotated[int, Field(ge=8, multiple_of=8)]


class _WeightedAperture(Strict):
    aperture_id: str
    weighting_key_ref: str


class _Coordinates(Strict):
    reference_frame: Literal["ICRS"]
    c1: Degrees
    c2: Annotated[float, Field(ge=-90, le=90)]


class _ConfiguredBeam(Strict):
    update_rate: float
    subarray_beam_id: Count
    logical_bands: Annotated[list[_Band], Field(min_length=1)]
    apertures: Annotated[list[_WeightedAperture], Field(min_length=1)]
    sky_coordinates: _Coordinates


class _MccsConfigure(Strict):
    subarray_beams: Annotated[list[_ConfiguredBeam], Field(min_length=1)]


class _LowCommon(Strict):
    config_id: Annotated[str, Field(min_length=1)]
    eb_id: Annotated[str, Field(min_length=1)]


class _StationBeam(Strict):
    beam_id: Count
    freq_ids: Annotated[list[int], Field(min_length=1)]


class _Stations(Strict):
    stns: Annotated[list[Annotated[list[int], Field(min_length=2, max_length=2)]], Field(min_length=1)]
    stn_beams: Annotated[list[_StationBeam], Field(min_length=1)]


class _Firmware(Strict):
    firmware: Literal["vis"]
    fsp_ids: Annotated[list[Count], Field(min_length=1)]


class _VisibilityBeam(Strict):
    stn_beam_id: Count
    integration_ms: Count


class _Visibilities(Strict):
    fsp: _Firmware
    stn_beams: Annotated[list[_VisibilityBeam], Field(min_length=1)]


class _LowCbf(Strict):
    stations: _Stations
    vis: _Visibilities


class _LowCsp(Strict):
    interface: str
    common: _LowCommon
    lowcbf: _LowCbf


class _LowTmc(Strict):
    scan_duration: Positive


class LowConfigure(Commanded):
    """The argument of Configure."""

    mccs: _MccsConfigure
    csp: _LowCsp
    sdp: SdpConfigure
    tmc: _LowTmc

"""The commands of SKA-mid."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .common import Commanded, Count, Degrees, Positive, SdpAssign, SdpConfigure, Strict


class _Dishes(Strict):
    receptor_ids: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class _TelescopeModel(Strict):
    source_uris: Annotated[list[str], Field(min_length=1)]
    array_layout_path: str


class MidAssign(Commanded):
    """The argument of AssignResources."""

    subarray_id: Count
    dish: _Dishes
    sdp: SdpAssign
    telmodel: _TelescopeModel | None = None


class _SkyAttributes(Strict):
    c1: Degrees
    c2: Annotated[float, Field(ge=-90, le=90)]
    pm_c1: float = 0
    pm_c2: float = 0
    epoch: float = 2000
    parallax: float = 0
    radial_velocity: float = 0


class _Direction(Strict):
    target_name: Annotated[str, Field(min_length=1)]
    reference_frame: Literal["icrs", "ICRS", "altaz", "galactic", "special"]
    attrs: _SkyAttributes | None = None

    @model_validator(mode="after")
    def _with_coordinates(self) -> _Direction:
        if (self.reference_frame == "special") is not (self.attrs is None):
            raise ValueError("attrs belong to every frame but special")
        return self


class _Group(Strict):
    receptors: list[str] = []
    field: _Direction
    trajectory: dict[str, Any] | None = None
    projection: dict[str, Any] | None = None


class _Offsets(Strict):
    ca_offset_arcsec: float
    ie_offset_arcsec: float


class _Pointing(Strict):
    groups: Annotated[list[_Group], Field(min_length=1)]
    correction: Literal["MAINTAIN", "UPDATE", "RESET"] | None = None


class _PartialPointing(Strict):
    target: _Offsets


class _Receiver(Strict):
    receiver_band: Literal["1", "2", "3", "4", "5a", "5b"]


class _MidCommon(Strict):
    config_id: Annotated[str, Field(min_length=1)]
    frequency_band: Literal["1", "2", "3", "4", "5a", "5b"]
    eb_id: Annotated[str, Field(min_length=1)]
    band_5_tuning: list[float] | None = None


class _Region(Strict):
    fsp_ids: Annotated[list[Annotated[int, Field(ge=1, le=27)]], Field(min_length=1)]
    start_freq: int
    channel_width: Annotated[int, Field(ge=210)]
    channel_count: Annotated[int, Field(ge=20, le=58982, multiple_of=20)]
    sdp_start_channel_id: int
    integration_factor: Annotated[int, Field(ge=1, le=10)]


class _Correlation(Strict):
    processing_regions: Annotated[list[_Region], Field(min_length=1)]


class _MidCbf(Strict):
    correlation: _Correlation


class _MidCsp(Strict):
    interface: str
    common: _MidCommon
    midcbf: _MidCbf


class _MidTmc(Strict):
    scan_duration: Positive
    partial_configuration: Literal[False] = False


class MidConfigure(Commanded):
    """The argument of a full Configure."""

    pointing: _Pointing
    dish: _Receiver
    csp: _MidCsp
    sdp: SdpConfigure
    tmc: _MidTmc


class _PartialTmc(Strict):
    partial_configuration: Literal[True]


class MidPartialConfigure(Commanded):
    """The argument of a Configure that only moves the pointing."""

    pointing: _PartialPointing
    tmc: _PartialTmc

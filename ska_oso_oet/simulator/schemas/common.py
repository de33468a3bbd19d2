"""What the commands of both telescopes have in common."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..arguments import BadArgument

Positive = Annotated[float, Field(gt=0, le=1e9)]
Count = Annotated[int, Field(ge=1)]
Degrees = Annotated[float, Field(ge=0, lt=360)]


class Strict(BaseModel):
    """An object without other keys, whose values have their own types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Commanded(Strict):
    """The argument of a command."""

    interface: str
    transaction_id: str = ""


# -- science data processor --------------------------------------------------------------------------------


class _Script(Strict):
    kind: Literal["realtime", "batch"]
    name: str
    version: str


class _Dependency(Strict):
    pb_id: str
    kind: list[str]


class _ProcessingBlock(Strict):
    pb_id: Annotated[str, Field(pattern=r"^pb-[a-z0-9]+-[0-9]{8}-[a-z0-9]+$")]
    script: _Script
    parameters: dict[str, Any]
    sbi_ids: list[str] = []
    dependencies: list[_Dependency] = []


class _ScanTypeBeam(Strict):
    field_id: str = ""
    channels_id: str = ""
    polarisations_id: str = ""


class _ScanType(Strict):
    scan_type_id: str
    derive_from: str = ""
    beams: dict[str, _ScanTypeBeam]


class _Window(Strict):
    spectral_window_id: str
    count: Count
    start: int
    stride: int = 1
    freq_min: Positive | float
    freq_max: float
    link_map: list[list[int]] = []


class _Channels(Strict):
    channels_id: str
    spectral_windows: list[_Window]


class _FieldOfSky(Strict):
    field_id: str
    phase_dir: dict[str, Any]
    pointing_fqdn: str = ""


class _ExecutionBlock(Strict):
    eb_id: Annotated[str, Field(pattern=r"^eb-[a-z0-9]+-[0-9]{8}-[a-z0-9]+$")]
    max_length: Positive
    context: dict[str, Any]
    beams: list[dict[str, Any]]
    channels: list[_Channels]
    polarisations: list[dict[str, Any]]
    fields: list[_FieldOfSky]
    scan_types: list[_ScanType]


class SdpAssign(Strict):
    """The part of AssignResources for the SDP."""

    interface: str
    execution_block: _ExecutionBlock
    processing_blocks: list[_ProcessingBlock]
    resources: dict[str, Any]


class SdpConfigure(Strict):
    """The part of Configure for the SDP."""

    interface: str
    scan_type: str


class Release(Commanded):
    """The argument of ReleaseResources."""

    subarray_id: Count
    release_all: Literal[True]


class ScanArgument(Commanded):
    """The argument of Scan."""

    scan_id: Count
    subarray_id: int | None = None


def validated(model: type[BaseModel], command: str, argument: dict[str, Any]) -> None:
    """Check an argument against a model.

    :raises BadArgument: naming the first part that is wrong
    """
    try:
        model.model_validate(argument)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the argument"
        raise BadArgument(f"{command}: {where}: {first['msg']}") from None

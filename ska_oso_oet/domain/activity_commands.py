"""The commands of the activity worker, and the JSON form of each."""

from __future__ import annotations

import dataclasses
from typing import Any

from .scripts import CreateEnv


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunActivity:
    """Carry out an activity of a scheduling block."""

    activity_name: str
    sbd_id: str
    sbd_version: int | None = None  #: the newest if none
    prepare_only: bool = False
    create_env: CreateEnv = False
    simulate: bool = False  #: as a dry run, which commands nothing and leaves nothing in the archive
    script_args: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunActivity:
        """Read the JSON form."""
        return cls(
            **{field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data}
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StopActivity:
    """End an activity whatever it is doing, and abort the subarray if asked."""

    aid: int
    abort: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StopActivity:
        """Read the JSON form."""
        return cls(aid=data["aid"], abort=bool(data.get("abort", False)))

"""The commands of the script execution service, and the JSON form of each."""

from __future__ import annotations

import dataclasses
from typing import Any

from .errors import Invalid
from .scripts import Arguments, Script, script_from_dict


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareProcedure:
    """Load a script and bring it to READY."""

    script: Script
    init: Arguments = Arguments()
    main: Arguments = Arguments()  #: kept for the start, which may override them
    activity_id: int | None = None  #: the activity it is created for
    simulated: bool = False  #: as a dry run, which commands nothing

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "script": self.script.to_dict(),
            "script_args": {"init": self.init.to_dict(), "main": self.main.to_dict()},
            "activity_id": self.activity_id,
            "simulated": self.simulated,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PrepareProcedure:
        """Read the JSON form.

        :raises Invalid: naming the field that is wrong
        """
        script_args = data.get("script_args") or {}
        return cls(
            script=script_from_dict(data.get("script")),
            init=Arguments.from_dict(script_args.get("init")),
            main=Arguments.from_dict(script_args.get("main")),
            activity_id=data.get("activity_id"),
            simulated=bool(data.get("simulated", False)),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartProcedure:
    """Call ``main`` of a READY procedure."""

    pid: int
    main: Arguments = Arguments()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"pid": self.pid, "script_args": {"main": self.main.to_dict()}}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StartProcedure:
        """Read the JSON form.

        :raises Invalid: naming the field that is wrong
        """
        script_args = data.get("script_args") or {}
        return cls(pid=_pid(data), main=Arguments.from_dict(script_args.get("main")))


@dataclasses.dataclass(frozen=True, kw_only=True)
class StopProcedure:
    """End a procedure whatever it is doing, and abort the subarray if asked."""

    pid: int
    abort: bool = False
    stop_abort: bool = False  #: even if it is itself an abort that is running
    force: bool = False  #: even in a section that is not to be interrupted

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StopProcedure:
        """Read the JSON form.

        :raises Invalid: naming the field that is wrong
        """
        return cls(
            pid=_pid(data),
            abort=bool(data.get("abort", False)),
            stop_abort=bool(data.get("stop_abort", False)),
            force=bool(data.get("force", False)),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class AbortSubarray:
    """Run the abort script though no script was stopped."""

    restart: bool = False  #: restart the subarray afterwards, so that it is EMPTY

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AbortSubarray:
        """Read the JSON form."""
        return cls(restart=bool(data.get("restart", False)))

    @property
    def main(self) -> Arguments:
        """The arguments of the abort script's ``main``; scripts without a restart need not accept it."""
        return Arguments(kwargs={"restart": True} if self.restart else {})


def _pid(data: dict[str, Any]) -> int:
    pid = data.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool):
        raise Invalid(f"pid must be a whole number, not {pid!r}")
    return pid

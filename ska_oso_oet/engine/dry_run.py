"""A dry run of a script: its clock jumps over waits, and Tango cannot be imported. Standard library only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

_BREATH = 0.0002  #: seconds that a wait takes, so that a loop of waits leaves the processor to others
_MOST_COMMANDS = 500  #: that are listed

_sleep, _monotonic = time.sleep, time.monotonic


class DryRun:
    """What a dry run would have commanded, and how long it would have taken."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._began = _monotonic()
        self._commands: list[dict[str, Any]] = []

    def begin(self) -> None:
        """From now on waits are skipped, and Tango is out of reach."""
        for name in ("time", "monotonic", "perf_counter"):
            setattr(time, name, self._shifted(getattr(time, name), 1))
            setattr(time, f"{name}_ns", self._shifted(getattr(time, f"{name}_ns"), 10**9))
        setattr(time, "sleep", self._skip)  # noqa: B010
        os.environ.pop("TANGO_HOST", None)
        for name in [one for one in sys.modules if one.partition(".")[0] in _TANGO]:
            del sys.modules[name]
        sys.meta_path.insert(0, _NoTango)

    def _skip(self, seconds: float) -> None:
        if not seconds >= 0:  # as time.sleep
            raise ValueError("sleep length must be non-negative")
        _sleep(_BREATH if seconds else 0.0)
        self._skipped += seconds

    def _shifted(self, clock: Callable[[], Any], unit: int) -> Callable[[], Any]:
        return lambda: clock() + type(clock())(self._skipped * unit)

    def command(self, device: str, command: str, seconds: float) -> None:
        """Note a command that would have been sent."""
        if len(self._commands) < _MOST_COMMANDS:
            after = round(self.seconds, 3)
            self._commands.append({"after": after, "device": device, "command": command, "seconds": seconds})

    @property
    def seconds(self) -> float:
        """Seconds that it would have taken so far."""
        return _monotonic() - self._began + self._skipped

    @property
    def report(self) -> dict[str, Any]:
        """What to tell of it."""
        return {"seconds": round(self.seconds, 3), "commands": list(self._commands)}


_TANGO = ("tango", "PyTango")


class _NoTango:
    """Refuses the import of Tango."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: Any = None) -> None:
        """See :class:`importlib.abc.MetaPathFinder`.

        :raises ImportError: for Tango
        """
        if name.partition(".")[0] in _TANGO:
            raise ImportError(
                "a dry run cannot have Tango, which would command real devices: leave --simulate out, or "
                "command the telescope by ska_oso_oet.telescope only"
            )

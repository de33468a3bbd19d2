"""Freezes processes in the kernel, where SIGKILL does not reach them, as on a file server that is gone."""

from __future__ import annotations

import subprocess
import time
import uuid
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup/freezer")


class Freezer:
    """A control group of version 1; what is in it can be frozen."""

    def __init__(self) -> None:
        if not (_ROOT / "tasks").exists():
            _ROOT.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-t", "cgroup", "-o", "freezer", "freezer", _ROOT], check=True)
        self._group = _ROOT / f"oet-{uuid.uuid4().hex[:8]}"
        self._group.mkdir()

    def freeze(self, pid: int) -> None:
        """Put a process out of reach."""
        (self._group / "cgroup.procs").write_text(str(pid))
        self._to("FROZEN")

    def thaw(self) -> None:
        """Let everything go on."""
        self._to("THAWED")

    def _to(self, state: str) -> None:
        deadline = time.monotonic() + 10
        (self._group / "freezer.state").write_text(state)
        while (self._group / "freezer.state").read_text().strip() != state:
            assert time.monotonic() < deadline, f"the control group is not {state}"

    def close(self) -> None:
        """Let everything go on, and remove the group once it is empty."""
        self.thaw()
        deadline = time.monotonic() + 10
        while (self._group / "cgroup.procs").read_text():
            assert time.monotonic() < deadline, "the control group does not get empty"
        self._group.rmdir()

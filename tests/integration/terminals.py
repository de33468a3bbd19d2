"""`oet` as an operator has it: against a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..conftest import Server

OET = str(Path(sys.executable).parent / "oet")


class Terminal:
    """A terminal whose OET_URL is set."""

    def __init__(self, server: Server) -> None:
        self.environ = {**os.environ, "OET_URL": server.url.replace("/oet/1/", "/oet/{SUBARRAY_ID}/")}

    def __call__(self, *words: str, status: int = 0) -> str:
        """Run `oet` with these words; returns what it printed."""
        done = subprocess.run(
            [OET, *words], env=self.environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        assert "Traceback (most recent call last)" not in done.stderr
        return done.stdout + done.stderr

    def open(self, *words: str, stderr: int | None = None) -> subprocess.Popen[str]:
        """Run `oet` and go on."""
        return subprocess.Popen(
            [OET, *words], env=self.environ, stdout=subprocess.PIPE, stderr=stderr, text=True
        )

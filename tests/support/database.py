"""A real Tango database server for the tests."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .simulator import COMMAND


@pytest.fixture
def tango_database(tmp_path: Path) -> Iterator[str]:
    """A real Tango database server; HOST:PORT."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    server = str(Path(COMMAND).with_name("PyDatabaseds"))
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(
            [server, "--host", "127.0.0.1", "--port", address.split(":")[1], "2"],
            env={**os.environ, "PYTANGO_DATABASE_NAME": ":memory:", "TANGO_HOST": address},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "Ready to accept request" in line:
                break
        else:
            raise AssertionError((tmp_path / "log").read_text())
        yield address
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()

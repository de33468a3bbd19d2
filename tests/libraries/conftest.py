from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Server, serving
from .harness import GRACE, SCRIPTS

HERE = Path(__file__).parent


@contextlib.contextmanager
def _running(program: str) -> Iterator[tuple[int, str]]:
    """A server that scripts talk to: its process id, and the first line it prints."""
    process = subprocess.Popen(
        [sys.executable, HERE / program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        assert line, f"{program} ended with {process.wait(10)}"
        yield process.pid, line
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Tango device, an EPICS value and a folder for temporary files, in the environment of scripts."""
    folder = tmp_path_factory.mktemp("tmp")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
            "EPICS_CA_ADDR_LIST": "127.0.0.1",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_CA_SERVER_PORT": str(_free_port()),
            "IOC_PV": "test:value",
            "MPLCONFIGDIR": str(tmp_path_factory.mktemp("matplotlib")),
            "TMPDIR": str(folder),
        }.items():
            patch.setenv(name, value)
        patch.setattr(tempfile, "tempdir", None)
        with _running("device.py") as (pid, trl), _running("ioc.py"):
            patch.setenv("SLOW_TRL", trl)
            patch.setenv("SLOW_PID", str(pid))
            yield


@pytest.fixture(scope="module")
def observing(surroundings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An OET as it is deployed, with Tango preloaded."""
    state = tmp_path_factory.mktemp("oet") / "state"
    settings = {"OET_PRELOAD": "tango", "OET_STOP_GRACE": f"{GRACE:g} s", "SCRIPTS_LOCATION": str(SCRIPTS)}
    with serving(state, **settings) as server:
        yield server

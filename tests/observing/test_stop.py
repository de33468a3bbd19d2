"""A stop reaches a script that waits for the telescope, whatever the telescope does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Server, serving, until
from ..support.simulator import Simulator
from .test_activities import settings_for

BEGIN = (
    "from ska_oso_oet.telescope.subarray import SubArray\n"
    "def main():\n"
    "    subarray = SubArray()\n"
    "    print('here', flush=True)\n"
    "    try:\n"
)
WAYS = {
    "reads": "        while True: subarray.obs_state\n",
    "connects": "        while True: SubArray().close()\n",
}
END = "    finally:\n        print('cleaned up')\n"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    found = Simulator(strict=True)
    try:
        yield found.start()
    finally:
        found.close()


@pytest.fixture
def server(simulator: Simulator, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "state", **settings_for(simulator, OET_STOP_GRACE="5 s")) as found:
        yield found


def stop(server: Server, pid: int) -> list[str]:
    assert server.stop_script(pid)["survivors"] == 0
    return [name for name, _ in server.procedure(pid)["outcome"]["stages"]]


@pytest.mark.parametrize("way", ["reads", "connects"])
def test_a_telescope_that_hangs_does_not_keep_a_script_from_cleaning_up(
    server: Server, simulator: Simulator, tmp_path: Path, way: str
) -> None:
    script = tmp_path / "observes.py"
    script.write_text(BEGIN + WAYS[way] + END)
    pid = server.run(str(script))
    until(lambda: "here" in server.output(pid))
    assert simulator.process is not None
    os.kill(simulator.process.pid, signal.SIGSTOP)
    assert "kill" not in stop(server, pid)
    assert "cleaned up" in server.output(pid)


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.long)])
def test_a_stop_is_not_lost_while_a_script_subscribes(server: Server, tmp_path: Path, rounds: int) -> None:
    script = tmp_path / "observes.py"
    script.write_text(BEGIN + WAYS["connects"] + END)
    for _ in range(rounds):
        pid = server.run(str(script))
        until(lambda pid=pid: "here" in server.output(pid))
        assert "kill" not in stop(server, pid)
        assert "cleaned up" in server.output(pid)

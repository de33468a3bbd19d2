from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..support.database import tango_database
from ..support.simulator import Simulator

__all__ = ["tango_database"]

QUICK = [
    word
    for command in ("AssignResources", "ReleaseResources", "Configure", "End", "EndScan", "Abort", "Restart")
    for word in ("--delay", f"{command}=0.03")
]


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Simulator]:
    """A Mid telescope with two subarrays whose commands take 30 ms."""
    simulator = Simulator("--subarrays", "2", *QUICK)
    try:
        yield simulator.start()
        assert simulator.stop() == 0
        assert "Traceback" not in simulator.log()
    finally:
        simulator.close()


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Simulator:
    """The shared telescope, as new; for tests that do not end it."""
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture
def make_simulator() -> Iterator[Callable[..., Simulator]]:
    """Start telescopes of a test's own, with these options of `oet-simulator`."""
    made = []

    def make(*options: str, **environ: str) -> Simulator:
        made.append(Simulator(*options, **environ))
        return made[-1].start()

    yield make
    for simulator in made:
        simulator.close()

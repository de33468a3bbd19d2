"""A simulated telescope, and scripts' own view of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ska_oso_oet.telescope.block import Block, Surroundings
from ska_oso_oet.telescope.subarray import SubArray

from ..support.blocks import sample
from ..support.database import tango_database
from ..support.simulator import Simulator

__all__ = ["tango_database"]


@pytest.fixture(scope="module")
def telescope() -> Iterator[Simulator]:
    """A Mid telescope, shared by the tests of a module."""
    simulator = Simulator("--delay", "Abort=0.05", strict=True)
    try:
        yield simulator.start()
    finally:
        simulator.close()


@pytest.fixture
def simulator(telescope: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The telescope as after its start, and the environment that leads scripts to it."""
    telescope.reset()
    quick = ("AssignResources", "ReleaseResources", "Configure", "End", "EndScan", "Abort", "Restart")
    telescope.delays(**dict.fromkeys(quick, 0.02))
    for name, value in telescope.environment.items():
        monkeypatch.setenv(name, value)
    return telescope


@pytest.fixture
def connect() -> Iterator[Callable[..., SubArray]]:
    """Connect to subarray 1; what is connected is let go of at the end of the test."""
    made: list[SubArray] = []

    def connected(**more: float) -> SubArray:
        made.append(SubArray(1, **more))
        return made[-1]

    yield connected
    for subarray in made:
        subarray.close()


@pytest.fixture
def subarray(simulator: Simulator, connect: Callable[..., SubArray]) -> SubArray:
    return connect()


@pytest.fixture
def block(telescope: Simulator) -> Block:
    return Block(sample(scan_duration=50), Surroundings.of(telescope.environment))

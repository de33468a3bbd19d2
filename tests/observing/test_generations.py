"""Blocks of every generation on a telescope as strict as the real one, in each version of its interfaces."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ska_oso_oet.telescope.block import Block, Surroundings
from ska_oso_oet.telescope.errors import CommandRefused, WrongState
from ska_oso_oet.telescope.observation import observe
from ska_oso_oet.telescope.qa import QaGate
from ska_oso_oet.telescope.states import ObsState
from ska_oso_oet.telescope.subarray import SubArray

from ..support.blocks import GENERATIONS, block_of
from ..support.simulator import Simulator

VERSIONS = [("mid", "2.4/6.1"), ("mid", "2.1/4.1"), ("low", "4.1/6.1"), ("low", "4.0/4.0")]
QUICK = [
    word
    for command in ("AssignResources", "ReleaseResources", "Configure", "End", "Abort")
    for word in ("--delay", f"{command}=0.02")
]


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: f"{version[0]}-{version[1]}")
def telescope(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    kind, interfaces = request.param
    simulator = Simulator("--telescope", kind, "--interfaces", interfaces, *QUICK, strict=True)
    try:
        yield simulator.start()
    finally:
        simulator.close()


@pytest.fixture
def subarray(telescope: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[SubArray]:
    telescope.reset()
    for name, value in telescope.environment.items():
        monkeypatch.setenv(name, value)
    subarray = SubArray(1)
    yield subarray
    subarray.close()


def opened(telescope: Simulator, generation: int) -> Block:
    return Block(block_of(telescope.telescope, generation), Surroundings.of(telescope.environment))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_block_is_observed_twice(telescope: Simulator, subarray: SubArray, generation: int) -> None:
    for _ in range(2):
        observe(opened(telescope, generation), subarray, QaGate(""))
    once = ["AssignResources", "Configure", "Scan", "Configure", "Scan", "End", "ReleaseResources"]
    assert telescope.commands() == once * 2
    assert telescope.obs_state() is ObsState.EMPTY


def test_a_block_without_scans_is_assigned_and_released(telescope: Simulator, subarray: SubArray) -> None:
    document = block_of(telescope.telescope, 28)
    where = document.get("dish_allocations") or document["mccs_allocation"]["subarray_beams"][0]
    where["scan_sequence"] = []
    observe(Block(document, Surroundings.of(telescope.environment)), subarray, QaGate(""))
    assert telescope.commands() == ["AssignResources", "ReleaseResources"]


def test_an_execution_block_and_a_scan_are_taken_once(telescope: Simulator, subarray: SubArray) -> None:
    block = opened(telescope, 28)
    subarray.assign_resources(block.assign(1))
    subarray.configure(block.configure(block.scans[0]))
    number = block.new_scan_id()
    subarray.scan(block.scan(number, 1), 10)
    with pytest.raises(CommandRefused, match=f"{number} already exists"):
        subarray.scan(block.scan(number, 1), 10)
    subarray.end()
    subarray.release_resources(block.release(1))
    with pytest.raises(CommandRefused, match=f"{block.eb_id} already exists"):
        subarray.assign_resources(block.assign(1))


def test_commands_lack_nothing_of_what_the_telescope_wants(telescope: Simulator, subarray: SubArray) -> None:
    block = opened(telescope, 28)
    whole = block.assign(1)
    for key in whole:
        with pytest.raises(CommandRefused, match=key):
            subarray.assign_resources({name: value for name, value in whole.items() if name != key})
    with pytest.raises(CommandRefused, match="surprise"):
        subarray.assign_resources({**whole, "surprise": 1})
    subarray.assign_resources(whole)
    configuration = block.configure(block.scans[0])
    for key in configuration:
        with pytest.raises(CommandRefused, match=key):
            subarray.configure({name: value for name, value in configuration.items() if name != key})
    with pytest.raises(CommandRefused, match="was not assigned"):
        subarray.configure({**configuration, "sdp": {**configuration["sdp"], "scan_type": "unknown"}})


def test_a_telescope_that_is_off_is_refused_at_once(telescope: Simulator, subarray: SubArray) -> None:
    try:
        telescope.central.command_inout("TelescopeOff")
        with pytest.raises(WrongState, match="the telescope is OFF, not ON; nothing was commanded"):
            observe(opened(telescope, 28), subarray, QaGate(""))
        telescope.central.command_inout("TelescopeOn")
        telescope.subarray.write_attribute("adminMode", 1)
        with pytest.raises(WrongState, match="subarray 1 is OFFLINE, not ONLINE; nothing was commanded"):
            observe(opened(telescope, 28), subarray, QaGate(""))
    finally:
        telescope.central.command_inout("TelescopeOn")
        telescope.subarray.write_attribute("adminMode", 0)
    assert telescope.commands() == []


def test_devices_tell_of_their_commands(telescope: Simulator, subarray: SubArray) -> None:
    subarray.assign_resources(opened(telescope, 28).assign(1))
    told = json.loads(telescope.central.read_attribute("lrcFinished").value[-1])
    assert (told["name"], told["status"]) == ("AssignResources", "COMPLETED")
    assert not telescope.central.read_attribute("lrcExecuting").value


def test_a_scan_is_over_when_it_was_seen_whatever_its_result_said(
    telescope: Simulator, subarray: SubArray
) -> None:
    block = opened(telescope, 28)
    subarray.assign_resources(block.assign(1))
    subarray.configure(block.configure(block.scans[0]))
    with telescope.watching() as watch:
        subarray.scan(block.scan(block.new_scan_id(), 1), 10)
        assert telescope.obs_state() is ObsState.READY
        watch.until(lambda seen: seen.obs_states() == ["SCANNING", "READY"])
        names = [name for name, value in watch.seen if name == "obsState" or value[0].endswith("_Scan")]
    assert names == ["obsState", "longRunningCommandResult", "obsState"]

"""The subarray as scripts command it, on real devices."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from ska_oso_oet.telescope.block import Block
from ska_oso_oet.telescope.errors import (
    CommandFailed,
    CommandRefused,
    DeviceUnreachable,
    Overdue,
    TelescopeError,
    WrongState,
)
from ska_oso_oet.telescope.states import ObsState
from ska_oso_oet.telescope.subarray import SubArray

from ..support.blocks import sample
from ..support.simulator import Simulator

S = ObsState
Connect = Callable[..., SubArray]

COMMANDS = ("AssignResources", "Configure", "Scan", "End", "ReleaseResources")


def perform(subarray: SubArray, block: Block, command: str, timeout: float = 10.0) -> None:
    """One step of an observation."""
    match command:
        case "AssignResources":
            subarray.assign_resources(block.assign(1), timeout)
        case "Configure":
            subarray.configure(block.configure(block.scans[0]), timeout)
        case "Scan":
            subarray.scan(block.scan(block.new_scan_id(), 1), timeout)
        case "End":
            subarray.end(timeout)
        case "ReleaseResources":
            subarray.release_resources(block.release(1), timeout)
        case "Abort":
            subarray.abort(timeout)
        case "Restart":
            subarray.restart(timeout)


def lead_to(subarray: SubArray, block: Block, command: str) -> None:
    """Do every step before this one."""
    for earlier in COMMANDS[: COMMANDS.index(command)]:
        perform(subarray, block, earlier)


def test_each_command_returns_when_it_is_done(simulator: Simulator, subarray: SubArray, block: Block) -> None:
    goals = (S.IDLE, S.READY, S.READY, S.IDLE, S.EMPTY)
    for command, goal in zip(COMMANDS, goals, strict=True):
        perform(subarray, block, command)
        assert subarray.obs_state is goal
    assert simulator.commands() == list(COMMANDS)


def test_a_scan_takes_as_long_as_it_takes(subarray: SubArray, block: Block) -> None:
    lead_to(subarray, block, "Scan")
    begun = time.monotonic()
    perform(subarray, block, "Scan")
    assert time.monotonic() - begun >= 0.05


def test_changes_that_are_over_before_the_answer_are_seen_all_the_same(
    simulator: Simulator, subarray: SubArray, block: Block
) -> None:
    simulator.delays(**dict.fromkeys(("AssignResources", "ReleaseResources", "Configure", "End"), 0.0))
    for _ in range(20):
        block = Block(sample(), block.surroundings)  # every run has an execution block of its own
        for command in ("AssignResources", "Configure", "Configure", "End", "ReleaseResources"):
            perform(subarray, block, command)
    assert subarray.obs_state is S.EMPTY


def test_abort_and_restart_lead_back_to_the_beginning(subarray: SubArray, block: Block) -> None:
    lead_to(subarray, block, "End")
    perform(subarray, block, "Abort")
    assert subarray.obs_state is S.ABORTED
    perform(subarray, block, "Restart")
    assert subarray.obs_state is S.EMPTY


def test_a_scan_can_be_ended_early(simulator: Simulator, subarray: SubArray, block: Block) -> None:
    simulator.bring_to(S.SCANNING)
    subarray.end_scan(10)
    assert subarray.obs_state is S.READY


# -- what can go wrong with each command ---------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("reject", CommandRefused, "was refused by .*: REJECTED: rain"),
        ("raise", CommandRefused, "was refused by .*: .*rain"),
        ("fail", CommandFailed, "failed on subarray 1, .*: FAILED: rain"),
        ("fault", CommandFailed, "failed on subarray 1, which is FAULT: FAILED: rain"),
    ],
)
def test_a_command_that_does_not_succeed_says_so(
    simulator: Simulator,
    subarray: SubArray,
    block: Block,
    command: str,
    kind: str,
    error: type[TelescopeError],
    message: str,
) -> None:
    lead_to(subarray, block, command)
    simulator.inject(command, kind, message="rain")
    with pytest.raises(error, match=f"^{command} {message}"):
        perform(subarray, block, command)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_never_ends_is_overdue_and_the_sentence_says_where_it_is(
    simulator: Simulator, subarray: SubArray, block: Block, command: str
) -> None:
    lead_to(subarray, block, command)
    simulator.inject(command, "stuck")
    with pytest.raises(Overdue, match=f"^{command}: subarray 1 is [A-Z]+, not [A-Z]+, after 0.3 s"):
        perform(subarray, block, command, timeout=0.3)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_whose_result_never_comes_is_done_when_the_subarray_is_there(
    simulator: Simulator, subarray: SubArray, block: Block, command: str
) -> None:
    lead_to(subarray, block, command)
    simulator.inject(command, "silent")
    perform(subarray, block, command)


def test_a_command_in_the_wrong_state_is_refused(subarray: SubArray, block: Block) -> None:
    with pytest.raises(CommandRefused, match="^Scan was refused by .*EMPTY"):
        perform(subarray, block, "Scan")


def test_an_abort_by_somebody_else_ends_a_command(
    simulator: Simulator, connect: Connect, block: Block
) -> None:
    simulator.bring_to(S.READY)
    simulator.delays(Configure=60.0)
    subarray = connect()
    threading.Timer(0.2, lambda: simulator.send("Abort")).start()
    with pytest.raises((CommandFailed, WrongState), match="^Configure.*ABORT"):
        perform(subarray, block, "Configure")


# -- devices that are not there --------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_told_at_once(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBARRAYNODE_TRL_PREFIX", "tango://127.0.0.1:9/mid-tmc/subarray#dbase=no")
    with pytest.raises(
        DeviceUnreachable, match=r"^tango://127.0.0.1:9/mid-tmc/subarray/01#dbase=no cannot be"
    ):
        connect()


def test_a_tango_database_that_is_not_there_is_told_at_once(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANGO_HOST", "127.0.0.1:9")
    monkeypatch.setenv("SUBARRAYNODE_TRL_PREFIX", "mid-tmc/subarray")
    with pytest.raises(DeviceUnreachable, match="^mid-tmc/subarray/01 cannot be reached"):
        connect()


def test_a_central_node_that_is_not_there_is_told_when_it_is_needed(
    simulator: Simulator, connect: Connect, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CENTRALNODE_TRL", "tango://127.0.0.1:9/mid-tmc/central-node/0#dbase=no")
    subarray = connect()
    with pytest.raises(DeviceUnreachable, match="mid-tmc/central-node/0#dbase=no cannot be reached"):
        perform(subarray, block, "AssignResources")


def test_a_telescope_that_dies_in_the_middle_is_noticed(
    connect: Connect, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = Simulator(strict=True)
    try:
        simulator.start()
        for name, value in simulator.environment.items():
            monkeypatch.setenv(name, value)
        subarray = connect(silence=0.5)
        lead_to(subarray, block, "Configure")
        simulator.inject("Configure", "crash")
        with pytest.raises(
            DeviceUnreachable, match=r"^obsState of .* cannot be read|^Configure: .* does not"
        ):
            perform(subarray, block, "Configure")
    finally:
        simulator.close()

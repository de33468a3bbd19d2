"""A subarray is left safe after a failure, and aborted on the operator's word, wherever it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ska_oso_oet.telescope.block import Block
from ska_oso_oet.telescope.errors import CommandRefused, Overdue
from ska_oso_oet.telescope.observation import observe
from ska_oso_oet.telescope.qa import QaGate
from ska_oso_oet.telescope.safety import abort, make_safe
from ska_oso_oet.telescope.states import ObsState
from ska_oso_oet.telescope.subarray import SubArray

from ..support.simulator import Simulator
from .test_subarray import COMMANDS

S = ObsState
Connect = Callable[..., SubArray]


@pytest.mark.parametrize(
    ("state", "sentence", "end"),
    [
        (S.EMPTY, "subarray 1 is EMPTY: there was nothing to abort", S.EMPTY),
        (S.RESOURCING, "subarray 1 was RESOURCING and is ABORTED", S.ABORTED),
        (S.IDLE, "subarray 1 was IDLE and is ABORTED", S.ABORTED),
        (S.CONFIGURING, "subarray 1 was CONFIGURING and is ABORTED", S.ABORTED),
        (S.READY, "subarray 1 was READY and is ABORTED", S.ABORTED),
        (S.SCANNING, "subarray 1 was SCANNING and is ABORTED", S.ABORTED),
        (S.ABORTED, "subarray 1 is ABORTED already", S.ABORTED),
        (
            S.FAULT,
            "subarray 1 was in FAULT, where it takes no Abort; it was restarted and is EMPTY",
            S.EMPTY,
        ),
    ],
)
def test_an_abort_reports_exactly_what_it_did(
    simulator: Simulator, connect: Connect, state: ObsState, sentence: str, end: ObsState
) -> None:
    simulator.bring_to(state)
    subarray = connect()
    assert abort(subarray, 10) == sentence
    assert subarray.obs_state is end


@pytest.mark.parametrize("state", [S.ABORTED, S.SCANNING])
def test_a_restart_can_follow(simulator: Simulator, connect: Connect, state: ObsState) -> None:
    simulator.bring_to(state)
    subarray = connect()
    assert abort(subarray, 10, restart=True).endswith("; it was restarted and is EMPTY")
    assert subarray.obs_state is S.EMPTY


def test_a_subarray_that_never_leaves_aborting_is_overdue(simulator: Simulator, connect: Connect) -> None:
    simulator.bring_to(S.SCANNING)
    simulator.inject("Abort", "stuck")
    with pytest.raises(Overdue, match=r"^Abort: subarray 1 is ABORTING, not ABORTED, after 0\.\d+ s"):
        abort(connect(), 0.4)
    with pytest.raises(Overdue, match=r"^subarray 1 is ABORTING, not ABORTED, after 0\.\d+ s"):
        abort(connect(), 0.4)


def test_an_abort_that_is_refused_is_told(simulator: Simulator, connect: Connect) -> None:
    simulator.bring_to(S.SCANNING)
    simulator.inject("Abort", "raise", message="no power")
    with pytest.raises(CommandRefused, match="no power"):
        abort(connect(), 10)


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (S.EMPTY, S.EMPTY),
        (S.RESOURCING, S.ABORTED),
        (S.IDLE, S.EMPTY),
        (S.CONFIGURING, S.ABORTED),
        (S.READY, S.EMPTY),
        (S.SCANNING, S.ABORTED),
        (S.ABORTED, S.ABORTED),
        (S.FAULT, S.EMPTY),
    ],
)
def test_wherever_a_subarray_is_it_can_be_made_safe(
    simulator: Simulator, connect: Connect, block: Block, state: ObsState, end: ObsState
) -> None:
    simulator.bring_to(state)
    subarray = connect()
    make_safe(subarray, block.release(1))
    assert subarray.obs_state is end


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["reject", "raise", "fail", "fault"])
def test_an_observation_that_fails_leaves_the_subarray_safe(
    simulator: Simulator, connect: Connect, block: Block, command: str, kind: str
) -> None:
    simulator.inject(command, kind)
    subarray = connect()
    with pytest.raises(Exception, match=command):
        observe(block, subarray, QaGate("no/monitor/is needed", {"wait_for_qa_ready": False}))
    assert subarray.obs_state is S.EMPTY


def test_a_release_that_keeps_failing_ends_in_an_abort(
    simulator: Simulator, connect: Connect, block: Block
) -> None:
    simulator.inject("ReleaseResources", "fail", times=2)
    subarray = connect()
    with pytest.raises(Exception, match="ReleaseResources"):
        observe(block, subarray, QaGate("no/monitor/is needed", {"wait_for_qa_ready": False}))
    assert subarray.obs_state is S.ABORTED


@pytest.mark.parametrize("state", [S.IDLE, S.SCANNING, S.ABORTED, S.FAULT])
def test_an_observation_begins_with_an_empty_subarray_or_touches_nothing(
    simulator: Simulator, connect: Connect, block: Block, state: ObsState
) -> None:
    simulator.bring_to(state)
    before = simulator.commands()
    with pytest.raises(Exception, match=f"subarray 1 is {state.name}.*nothing was commanded"):
        observe(block, connect(), QaGate("no/monitor/is needed"))
    assert simulator.commands() == before
    assert simulator.obs_state() is state

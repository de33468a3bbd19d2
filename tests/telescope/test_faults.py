"""Injected faults show as the telescope's own do."""

from __future__ import annotations

import pytest
import tango

from ska_oso_oet.simulator.commands import COMMANDS
from ska_oso_oet.telescope.states import ObsState, ResultCode

from ..support.simulator import Simulator
from .test_transitions import DONE

S = ObsState
WORDS = "the sky fell \N{SNOWMAN}"

#: Each command, with a state to call it in, and the state it is in while it runs.
RUNNING = [
    ("AssignResources", S.EMPTY, S.RESOURCING),
    ("ReleaseResources", S.IDLE, S.RESOURCING),
    ("Configure", S.READY, S.CONFIGURING),
    ("Scan", S.READY, S.SCANNING),
    ("EndScan", S.SCANNING, S.SCANNING),
    ("End", S.READY, S.READY),
    ("Abort", S.IDLE, S.ABORTING),
    ("Restart", S.ABORTED, S.RESTARTING),
]
each_command = pytest.mark.parametrize(
    ("command", "state", "during"), RUNNING, ids=[row[0] for row in RUNNING]
)


def prepared(simulator: Simulator, command: str, state: ObsState, kind: str) -> None:
    simulator.bring_to(state, scan_duration=60 if state is S.SCANNING else 0.05)
    if command != "Scan":
        simulator.delays(**{command: 0.02})
    simulator.inject(command, kind, message=WORDS)


@each_command
def test_reject_answers_rejected_and_changes_nothing(
    simulator: Simulator, command: str, state: ObsState, during: ObsState
) -> None:
    prepared(simulator, command, state, "reject")
    assert simulator.send(command) == (ResultCode.REJECTED, r"the sky fell \u2603")
    assert simulator.obs_state() is state


@each_command
def test_raise_raises_and_changes_nothing(
    simulator: Simulator, command: str, state: ObsState, during: ObsState
) -> None:
    prepared(simulator, command, state, "raise")
    with pytest.raises(tango.DevFailed, match="the sky fell") as caught:
        simulator.send(command)
    assert caught.value.args[0].reason == "API_CommandFailed"
    assert simulator.obs_state() is state
    assert simulator.history()[-1]["result"][0] == ResultCode.FAILED


@each_command
def test_fail_runs_and_reports_and_goes_back(
    simulator: Simulator, command: str, state: ObsState, during: ObsState
) -> None:
    prepared(simulator, command, state, "fail")
    with simulator.watching() as watch:
        command_id = simulator.send(command)[1]
        assert watch.result(command_id) == [ResultCode.FAILED, WORDS]
        assert watch.obs_states() == ([during.name, state.name] if during is not state else [])


@each_command
def test_fault_runs_and_reports_and_leads_to_fault(
    simulator: Simulator, command: str, state: ObsState, during: ObsState
) -> None:
    prepared(simulator, command, state, "fault")
    with simulator.watching() as watch:
        command_id = simulator.send(command)[1]
        assert watch.result(command_id) == [ResultCode.FAILED, WORDS]
        assert watch.obs_states() == ([during.name] if during is not state else []) + ["FAULT"]


@each_command
def test_stuck_stays_until_interrupted(
    simulator: Simulator, command: str, state: ObsState, during: ObsState
) -> None:
    prepared(simulator, command, state, "stuck")
    with simulator.watching() as watch:
        command_id = simulator.send(command)[1]
        assert simulator.obs_state() is during
        if command in ("Abort", "Restart"):
            simulator.reset()
            watch.until(lambda watch: watch.obs_states()[-1:] == ["EMPTY"])
            assert command_id not in watch.results()
        else:
            assert watch.result(simulator.send("Abort")[1]) == DONE
            assert watch.result(command_id) == [ResultCode.ABORTED, "Command has been aborted"]
            assert watch.obs_states()[-2:] == ["ABORTING", "ABORTED"]


@each_command
def test_silent_is_carried_out_and_not_reported(
    simulator: Simulator, command: str, state: ObsState, during: ObsState
) -> None:
    prepared(simulator, command, state, "silent")
    with simulator.watching() as watch:
        command_id = simulator.send(command)[1]
        if command == "Scan" or during is not state:
            watch.until(lambda watch: during.name in watch.obs_states())
        watch.until(lambda watch: watch.obs_states()[-1:] == [COMMANDS[command].after.name])
        simulator.reset()
        again = simulator.send("AssignResources")[1]
        assert watch.result(again) == DONE  # all that came before it has been heard
        assert command_id not in watch.results()


def test_a_scan_goes_on_when_ending_it_failed(simulator: Simulator) -> None:
    simulator.bring_to(S.READY, scan_duration=0.2)
    simulator.delays(EndScan=0.02)
    simulator.inject("EndScan", "fail")
    with simulator.watching() as watch:
        scan, end = (simulator.send(command)[1] for command in ("Scan", "EndScan"))
        assert watch.result(end)[0] == ResultCode.FAILED
        assert scan not in watch.results()
        assert watch.result(scan) == DONE
        assert watch.obs_states() == ["SCANNING", "READY"]


def test_a_fault_spoils_as_many_calls_as_it_says(simulator: Simulator) -> None:
    simulator.bring_to(S.IDLE)
    simulator.inject("Configure", "reject", times=2)
    codes = [simulator.send("Configure")[0] for _ in range(3)]
    assert codes == [ResultCode.REJECTED, ResultCode.REJECTED, ResultCode.QUEUED]


def test_a_fault_is_cleared_by_no_times_and_by_the_reset(simulator: Simulator) -> None:
    simulator.inject("AssignResources", "reject", times=5)
    simulator.inject("AssignResources", "reject", times=0)
    assert simulator.send("AssignResources")[0] is ResultCode.QUEUED
    simulator.inject("AssignResources", "reject")
    simulator.reset()
    assert simulator.send("AssignResources")[0] is ResultCode.QUEUED


def test_a_refused_call_does_not_use_a_fault_up(simulator: Simulator) -> None:
    simulator.inject("Configure", "reject", message="injected")
    with pytest.raises(tango.DevFailed):
        simulator.send("Configure")
    simulator.delays(AssignResources=0)
    simulator.send("AssignResources")
    assert simulator.send("Configure") == (ResultCode.REJECTED, "injected")

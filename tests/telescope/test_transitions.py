"""Commands change obsState step by step, and report how they ended."""

from __future__ import annotations

import json

import pytest
import tango

from ska_oso_oet.telescope.states import ObsState, ResultCode

from ..support.simulator import ASSIGN, CONFIGURE, Simulator, commanding

S = ObsState
DONE = [ResultCode.OK, "Command Completed"]
ABORTED = [ResultCode.ABORTED, "Command has been aborted"]

TRANSITIONS = [
    (S.EMPTY, "AssignResources", ["RESOURCING", "IDLE"]),
    (S.IDLE, "AssignResources", ["RESOURCING", "IDLE"]),
    (S.IDLE, "ReleaseResources", ["RESOURCING", "EMPTY"]),
    (S.IDLE, "Configure", ["CONFIGURING", "READY"]),
    (S.READY, "Configure", ["CONFIGURING", "READY"]),
    (S.READY, "Scan", ["SCANNING", "READY"]),
    (S.SCANNING, "EndScan", ["READY"]),
    (S.READY, "End", ["IDLE"]),
    (S.RESOURCING, "Abort", ["ABORTING", "ABORTED"]),
    (S.IDLE, "Abort", ["ABORTING", "ABORTED"]),
    (S.CONFIGURING, "Abort", ["ABORTING", "ABORTED"]),
    (S.READY, "Abort", ["ABORTING", "ABORTED"]),
    (S.SCANNING, "Abort", ["ABORTING", "ABORTED"]),
    (S.ABORTED, "Restart", ["RESTARTING", "EMPTY"]),
    (S.FAULT, "Restart", ["RESTARTING", "EMPTY"]),
]


@pytest.mark.parametrize("delay", [0.0, 0.02], ids=["at once", "in time"])
@pytest.mark.parametrize(("state", "command", "states"), TRANSITIONS)
def test_a_command_leads_through_its_states_and_then_reports(
    simulator: Simulator, state: ObsState, command: str, states: list[str], delay: float
) -> None:
    simulator.bring_to(state, scan_duration=0.05 if command == "Scan" else 60)
    if command != "Scan":
        simulator.delays(**{command: delay})
    with simulator.watching() as watch:
        code, command_id = simulator.send(command)
        assert code is ResultCode.QUEUED
        if delay == 0 and command != "Scan":
            assert simulator.obs_state().name == states[-1]
        assert watch.result(command_id) == DONE
        assert watch.obs_states() == states
        last_state = max(i for i, (name, _value) in enumerate(watch.seen) if name == "obsState")
        reported = [value[0] for _name, value in watch.seen[last_state + 1 :]]
        assert command_id in reported  # the report comes after the state it reports


def test_the_states_are_an_enumerated_attribute(simulator: Simulator) -> None:
    config = simulator.subarray.get_attribute_config("obsState")
    assert config.data_type == tango.DevEnum
    assert list(config.enum_labels) == [state.name for state in S]


def test_a_whole_observation_is_one_row_of_states(simulator: Simulator) -> None:
    simulator.delays(AssignResources=0, Configure=0, End=0, ReleaseResources=0)
    with simulator.watching() as watch:
        for command in ("AssignResources", "Configure", "Scan", "Scan", "End", "ReleaseResources"):
            code, command_id = simulator.send(command)
            assert code is ResultCode.QUEUED
            assert watch.result(command_id) == DONE
        seen = "RESOURCING IDLE CONFIGURING READY SCANNING READY SCANNING READY IDLE RESOURCING EMPTY"
        assert watch.obs_states() == seen.split()


def test_a_scan_reports_when_it_has_ended(simulator: Simulator) -> None:
    simulator.bring_to(S.READY, scan_duration=0.15)
    with simulator.watching() as watch:
        _code, command_id = simulator.send("Scan")
        assert simulator.obs_state() is S.SCANNING
        assert command_id not in watch.results()
        assert watch.result(command_id) == DONE
        assert simulator.obs_state() is S.READY


def test_ending_a_scan_early_reports_both_commands(simulator: Simulator) -> None:
    simulator.bring_to(S.READY)
    with simulator.watching() as watch:
        scan, end = (simulator.send(command)[1] for command in ("Scan", "EndScan"))
        assert watch.result(end) == DONE
        assert watch.results() == {scan: DONE, end: DONE}


@pytest.mark.parametrize(
    ("state", "interrupted"), [(S.IDLE, "AssignResources"), (S.IDLE, "Configure"), (S.READY, "Scan")]
)
def test_abort_interrupts_what_is_going_on_and_that_is_reported(
    simulator: Simulator, state: ObsState, interrupted: str
) -> None:
    simulator.bring_to(state)
    simulator.delays(AssignResources=60, Configure=60)
    with simulator.watching() as watch:
        first = simulator.send(interrupted)[1]
        second = simulator.send("Abort")[1]
        assert watch.result(second) == DONE
        assert watch.result(first) == ABORTED
        assert watch.obs_states()[-2:] == ["ABORTING", "ABORTED"]


def test_abort_interrupts_a_scan_and_the_end_of_it(simulator: Simulator) -> None:
    simulator.bring_to(S.SCANNING)
    scan = simulator.history()[-1]["result"][1]
    simulator.delays(EndScan=60)
    with simulator.watching() as watch:
        end = simulator.send("EndScan")[1]
        abort = simulator.send("Abort")[1]
        assert watch.result(abort) == DONE
        assert watch.results() == {end: ABORTED, scan: ABORTED, abort: DONE}


def test_the_central_node_and_the_subarray_report_under_ids_of_their_own(simulator: Simulator) -> None:
    with simulator.watching() as watch:
        command_id = simulator.send("AssignResources")[1]
        assert watch.result(command_id) == DONE
        other = simulator.history()[0]["result"][1]
        assert other != command_id
        assert list(watch.results()) == [other, command_id]


def test_attributes_say_what_was_asked(simulator: Simulator) -> None:
    simulator.bring_to(S.READY, scan_duration=7)
    simulator.send("Scan", {"scan_id": 12})
    read = simulator.subarray.read_attribute
    assert list(read("assignedResources").value) == ["SKA001", "SKA036"]
    assert json.loads(read("configuration").value) == {"tmc": {"scan_duration": 7}}
    assert read("scanID").value == 12
    simulator.send("Abort")
    simulator.wait_obs_state(S.ABORTED)
    simulator.delays(Restart=0)
    simulator.send("Restart")
    assert not read("assignedResources").value
    assert read("configuration").value == "{}"
    assert read("scanID").value == 0


def test_more_resources_are_added_to_those_there_are(simulator: Simulator) -> None:
    simulator.bring_to(S.IDLE)
    simulator.send("AssignResources", {"subarray_id": 1, "dish": {"receptor_ids": ["SKA036", "SKA063"]}})
    assert list(simulator.subarray.read_attribute("assignedResources").value) == [
        "SKA001",
        "SKA036",
        "SKA063",
    ]


def test_a_subarray_takes_resources_without_the_central_node(simulator: Simulator) -> None:
    simulator.delays(AssignResources=0, ReleaseResources=0)
    assert commanding(simulator.subarray, "AssignResources", ASSIGN["mid"])[0] is ResultCode.QUEUED
    assert simulator.obs_state() is S.IDLE
    assert commanding(simulator.subarray, "ReleaseAllResources")[0] is ResultCode.QUEUED
    assert simulator.obs_state() is S.EMPTY


def test_subarrays_do_not_disturb_each_other(simulator: Simulator) -> None:
    simulator.delays(number=2, AssignResources=0)
    commanding(simulator.central, "AssignResources", ASSIGN["mid"] | {"subarray_id": 2})
    assert (simulator.obs_state(1), simulator.obs_state(2)) == (S.EMPTY, S.IDLE)
    assert simulator.commands(1) == []
    assert simulator.commands(2) == ["AssignResources"]


def test_delays_are_those_set_until_the_reset(simulator: Simulator) -> None:
    simulator.bring_to(S.IDLE)
    simulator.delays(Configure=60)
    simulator.send("Configure")
    assert simulator.obs_state() is S.CONFIGURING
    simulator.reset()
    assert simulator.obs_state() is S.EMPTY
    with simulator.watching() as watch:
        for command in ("AssignResources", "Configure"):
            assert watch.result(simulator.send(command)[1]) == DONE


def test_a_reset_and_an_init_tell_the_state_they_lead_to(simulator: Simulator) -> None:
    for command in ("SimulatorReset", "Init"):
        simulator.bring_to(S.CONFIGURING)
        with simulator.watching() as watch:
            simulator.subarray.command_inout(command)
            watch.until(lambda watch: watch.obs_states() == ["EMPTY"])
        assert simulator.obs_state() is S.EMPTY
        assert simulator.commands() == []
        assert tuple(simulator.subarray.read_attribute("longRunningCommandResult").value) == ("", "")


def test_many_instant_commands_are_told_in_order(simulator: Simulator) -> None:
    simulator.bring_to(S.IDLE)
    simulator.delays(Configure=0, End=0)
    with simulator.watching() as watch:
        ids = [simulator.send(command)[1] for _ in range(30) for command in ("Configure", "End")]
        watch.result(ids[-1])
        assert list(watch.results()) == ids
        assert watch.obs_states() == ["CONFIGURING", "READY", "IDLE"] * 30


def test_the_argument_of_a_command_is_kept(simulator: Simulator) -> None:
    simulator.bring_to(S.IDLE)
    simulator.send("Configure")
    assert simulator.history()[-1]["argument"] == CONFIGURE

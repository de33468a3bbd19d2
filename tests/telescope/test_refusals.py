"""What a subarray refuses, how it says so, and that nothing changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import tango

from ska_oso_oet.telescope.states import ObsState, ResultCode

from ..support.simulator import ASSIGN, Simulator, commanding

S = ObsState

ALLOWED = {
    "AssignResources": {S.EMPTY, S.IDLE},
    "ReleaseResources": {S.IDLE},
    "Configure": {S.IDLE, S.READY},
    "Scan": {S.READY},
    "EndScan": {S.SCANNING},
    "End": {S.READY},
    "Abort": {S.RESOURCING, S.IDLE, S.CONFIGURING, S.READY, S.SCANNING},
    "Restart": {S.ABORTED, S.FAULT},
}


@pytest.mark.parametrize("state", set(S) - {S.RESETTING}, ids=lambda state: state.name)
def test_commands_are_not_allowed_in_the_wrong_state(simulator: Simulator, state: ObsState) -> None:
    simulator.bring_to(state)
    before = len(simulator.history())
    wrong = [command for command, states in ALLOWED.items() if state not in states]
    for command in wrong:
        with pytest.raises(tango.DevFailed) as caught:
            simulator.send(command)
        error = caught.value.args[0]
        assert error.reason == "API_CommandNotAllowed"
        for word in (command, "mid-tmc/subarray/01", state.name):
            assert word in error.desc
    assert simulator.obs_state() is state
    entries = simulator.history()[before:]
    assert [entry["command"] for entry in entries] == wrong
    assert {entry["obs_state"] for entry in entries} <= {state.name}
    assert {entry["result"][0] for entry in entries} <= {ResultCode.NOT_ALLOWED}


def test_a_command_waits_for_no_other(simulator: Simulator) -> None:
    simulator.bring_to(S.READY)
    simulator.delays(End=60)
    simulator.send("End")
    with pytest.raises(tango.DevFailed, match="READY while End is being carried out"):
        simulator.send("Configure")


@pytest.mark.parametrize(
    ("state", "command", "argument", "missing"),
    [
        (S.EMPTY, "AssignResources", [], "not a JSON object"),
        (S.EMPTY, "AssignResources", {"dish": {"receptor_ids": []}}, "subarray_id"),
        (S.EMPTY, "AssignResources", {"subarray_id": "1"}, "subarray_id"),
        (S.EMPTY, "AssignResources", {"subarray_id": True}, "subarray_id"),
        (S.EMPTY, "AssignResources", {**ASSIGN["mid"], "subarray_id": 9}, "there is no subarray 9"),
        (S.EMPTY, "AssignResources", ASSIGN["low"], "dish.receptor_ids"),
        (S.EMPTY, "AssignResources", {"subarray_id": 1, "dish": {"receptor_ids": "SKA001"}}, "receptor_ids"),
        (S.EMPTY, "AssignResources", {"subarray_id": 1, "dish": {"receptor_ids": [1]}}, "receptor_ids"),
        (S.IDLE, "ReleaseResources", {}, "subarray_id"),
        (S.IDLE, "ReleaseResources", {"subarray_id": 9}, "there is no subarray 9"),
        (S.IDLE, "Configure", [1], "not a JSON object"),
        (S.IDLE, "Configure", {}, "tmc.scan_duration"),
        (S.IDLE, "Configure", {"tmc": 3}, "tmc.scan_duration"),
        (S.IDLE, "Configure", {"tmc": {"scan_duration": 0}}, "tmc.scan_duration"),
        (S.IDLE, "Configure", {"tmc": {"scan_duration": "1"}}, "tmc.scan_duration"),
        (S.IDLE, "Configure", {"tmc": {"scan_duration": True}}, "tmc.scan_duration"),
        (S.IDLE, "Configure", {"tmc": {"scan_duration": 1e300}}, "tmc.scan_duration"),
        (S.READY, "Scan", {}, "scan_id"),
        (S.READY, "Scan", {"scan_id": 0}, "scan_id"),
        (S.READY, "Scan", {"scan_id": 2**63}, "scan_id"),
        (S.READY, "Scan", {"scan_id": "\N{SNOWMAN}"}, r"\u2603"),
    ],
)
def test_an_argument_that_lacks_what_a_command_needs_is_rejected(
    simulator: Simulator, state: ObsState, command: str, argument: Any, missing: str
) -> None:
    simulator.bring_to(state)
    with simulator.watching() as watch:
        code, message = simulator.send(command, argument)
        assert code is ResultCode.REJECTED
        assert missing in message
        assert simulator.obs_state() is state
        assert watch.seen == []


@pytest.mark.parametrize("text", ["", "{", "Ã©", "[" * 100_000, "9" * 10_000])
def test_an_argument_that_is_no_json_is_rejected(simulator: Simulator, text: str) -> None:
    simulator.bring_to(S.IDLE)
    [code], [message] = simulator.subarray.command_inout("Configure", text)
    assert code == ResultCode.REJECTED
    assert "not a JSON object" in message
    assert simulator.history()[-1]["result"] == [ResultCode.REJECTED, message]
    assert simulator.history()[-1]["argument"] == text


@pytest.mark.parametrize(
    ("command", "argument", "wrong"),
    [
        ("SetDelays", [], "not a JSON object"),
        ("SetDelays", {"Scan": 1}, "'Scan' has no delay"),
        ("SetDelays", {"Configure": -1}, "delay of Configure"),
        ("SetDelays", {"Configure": "1"}, "delay of Configure"),
        ("InjectFault", {"command": "On", "kind": "fail"}, "command must be one of"),
        ("InjectFault", {"command": "Scan", "kind": "bad"}, "kind must be one of reject, raise"),
        ("InjectFault", {"command": "Scan", "kind": "fail", "times": -1}, "times"),
    ],
)
def test_an_order_of_a_test_that_makes_no_sense_raises(
    simulator: Simulator, command: str, argument: Any, wrong: str
) -> None:
    with pytest.raises(tango.DevFailed) as caught:
        simulator.subarray.command_inout(command, json.dumps(argument))
    assert caught.value.args[0].reason == "API_InvalidArgs"
    assert wrong in caught.value.args[0].desc


def test_the_history_holds_the_last_thousand_commands(simulator: Simulator) -> None:
    simulator.bring_to(S.READY)
    for number in range(1001):
        commanding(simulator.subarray, "Scan", -number)
    history = simulator.history()
    assert [entry["argument"] for entry in history] == [-number for number in range(1, 1001)]
    assert {key for entry in history for key in entry} == {
        "time",
        "command",
        "argument",
        "obs_state",
        "result",
    }

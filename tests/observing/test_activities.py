"""A scheduling block is observed with a telescope, end to end, and whatever goes wrong leaves it safe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ska_oso_oet.settings import PACKAGED_SCRIPTS
from ska_oso_oet.telescope.states import ObsState

from ..conftest import Events, Server, serving, until
from ..support.activities import OBSERVE, Activities, Blocks, inline
from ..support.blocks import sample
from ..support.simulator import Simulator
from ..support.terminals import Terminal

S = ObsState

SCRIPT = {"observe": {"kind": "filesystem", "path": OBSERVE}}


def settings_for(simulator: Simulator, **more: str) -> dict[str, str]:
    """The settings of an OET for a simulated telescope."""
    defaults = {
        "SCRIPTS_LOCATION": PACKAGED_SCRIPTS,
        "OET_PRELOAD": "tango",
        "OET_WAIT_FOR_QA_READY": "false",
    }
    return {**defaults, **simulator.environment, **more}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    found = Simulator(strict=True)
    try:
        yield found.start()
    finally:
        found.close()


@pytest.fixture(scope="module")
def server(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", **settings_for(simulator)) as found:
        yield found


@pytest.fixture
def activities(server: Server, simulator: Simulator) -> Iterator[Activities]:
    simulator.reset()
    simulator.delays(**dict.fromkeys(("AssignResources", "ReleaseResources", "Configure", "Abort"), 0.05))
    yield Activities(server)
    for procedure in server.get("/procedures"):
        if procedure["outcome"] is None:
            server.put(procedure["id"], state="STOPPED")


def add(server: Server, sbd_id: str, **more: Any) -> str:
    """Add a sample block to the archive of a server, to be observed with the packaged script."""
    content = {k: v for k, v in sample(**more).items() if k not in ("sbd_id", "activities")}
    return Blocks(server).add(sbd_id, SCRIPT, **content)


def test_a_block_is_observed_and_everything_told_in_order(
    activities: Activities, server: Server, simulator: Simulator
) -> None:
    sbd_id = add(server, "sbd-observed")
    events = Events(server, topics="sb,scan,subarray")
    ended = activities.ended(activities.run(sbd_id)["id"])
    assert ended["state"] == "COMPLETE", server.output(ended["procedure_id"])
    commands = ["AssignResources", "Configure", "Scan", "Configure", "Scan", "End", "ReleaseResources"]
    assert simulator.commands() == commands
    assert simulator.obs_state() is S.EMPTY
    scan = [
        "scan.lifecycle.configure.started",
        "scan.lifecycle.configure.complete",
        "subarray.configured",
        "scan.lifecycle.start",
        "subarray.scan.started",
        "subarray.scan.finished",
        "scan.lifecycle.end.succeeded",
    ]
    events.wait(lambda e: e["topic"] == "sb.lifecycle.finished.succeeded")
    assert events.topics() == [
        "sb.lifecycle.started",
        "sb.lifecycle.observation.started",
        "subarray.resources.allocated",
        "sb.lifecycle.allocated",
        *scan,
        *scan,
        "subarray.resources.deallocated",
        "sb.lifecycle.observation.finished.succeeded",
        "sb.lifecycle.finished.succeeded",
    ]
    told = [e["scan_id"] for e in events.all if e["topic"] == "scan.lifecycle.start"]
    assert told == [e["argument"]["scan_id"] for e in simulator.history() if e["command"] == "Scan"]
    assert told[0] < told[1] < 2**53
    events.close()


def test_the_status_tells_where_a_script_saw_the_subarray_last(
    activities: Activities, server: Server, simulator: Simulator
) -> None:
    begun, events = Events(server, topics="subarray.scan"), Events(server, topics="telescope")
    started = activities.run(add(server, "sbd-seen", scan_duration=1000, scans=1))
    begun.wait(lambda e: e["topic"] == "subarray.scan.started")
    told = events.wait(lambda e: e.get("obs_state") == "SCANNING")
    seen = {"obs_state": "SCANNING", "time": told["time"], "procedure_id": started["procedure_id"]}
    assert server.get("/status")["obs_state"] == seen
    _stop(activities, started["id"])
    assert server.get("/status")["obs_state"]["obs_state"] == "ABORTED"
    server.stop()
    server.start()
    assert server.get("/status")["obs_state"]["obs_state"] == "ABORTED"
    begun.close()
    events.close()


def test_ten_blocks_in_a_row_are_observed(
    activities: Activities, server: Server, simulator: Simulator
) -> None:
    sbd_id = add(server, "sbd-ten", scans=1)
    for _ in range(10):
        ended = activities.ended(activities.run(sbd_id)["id"])
        assert ended["state"] == "COMPLETE", server.output(ended["procedure_id"])
        assert simulator.obs_state() is S.EMPTY


@pytest.mark.parametrize(
    ("telescope", "options"),
    [("low", ["--telescope", "low"]), ("mid", ["--old-names"]), ("mid", ["--tango-host", "DATABASE"])],
    ids=["low", "names of the old style", "names from a Tango database"],
)
def test_every_kind_of_telescope_is_observed_with(
    tmp_path: Path, tango_database: str, telescope: str, options: list[str]
) -> None:
    simulator = Simulator(*(option.replace("DATABASE", tango_database) for option in options), strict=True)
    try:
        simulator.start()
        with serving(tmp_path / "state", **settings_for(simulator)) as server:
            sbd_id = add(server, "sbd-other", telescope=telescope)
            activities = Activities(server)
            ended = activities.ended(activities.run(sbd_id)["id"])
            assert ended["state"] == "COMPLETE", server.output(ended["procedure_id"])
            aborting = activities.run(add(server, "sbd-long", telescope=telescope, scan_duration=60_000))
            server.wait_state(aborting["procedure_id"], "RUNNING")
            _, abort = _stop(activities, aborting["id"])
            assert abort["state"] == "COMPLETE", server.output(abort["id"])
    finally:
        simulator.close()


# -- stop with abort -----------------------------------------------------------------------------------


def _stop(activities: Activities, aid: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Stop an activity with abort; returns the activity and the abort procedure, both ended."""
    answer = activities.stop(aid, abort=True)
    assert answer.status_code == 200, answer.text
    assert answer.json()["survivors"] == 0
    assert answer.json()["abort_message"].endswith(" and aborted subarray activity")
    return activities.ended(aid), activities.server.ended(answer.json()["abort_procedure"])


@pytest.mark.parametrize("state", [S.RESOURCING, S.CONFIGURING, S.SCANNING])
def test_a_stop_with_abort_leaves_no_script_and_an_aborted_subarray(
    activities: Activities, server: Server, simulator: Simulator, state: ObsState
) -> None:
    if state is not S.SCANNING:
        simulator.delays(**{"AssignResources" if state is S.RESOURCING else "Configure": 60.0})
    sbd_id = add(server, "sbd-stopped", scan_duration=60_000)
    aid = activities.run(sbd_id)["id"]
    os_pid = server.procedure(activities.wait(aid, "RUNNING")["procedure_id"])["pid"]
    simulator.wait_obs_state(state)
    stopped, abort = _stop(activities, aid)
    assert (stopped["state"], abort["state"]) == ("STOPPED", "COMPLETE")
    assert simulator.obs_state() is S.ABORTED
    assert not psutil.pid_exists(os_pid)
    assert f"subarray 1 was {state.name} and is ABORTED" in server.output(abort["id"])


def test_an_aborted_subarray_is_not_observed_with_before_it_is_restarted(
    activities: Activities, server: Server, simulator: Simulator
) -> None:
    simulator.bring_to(S.ABORTED)
    sbd_id = add(server, "sbd-refused")
    ended = activities.ended(activities.run(sbd_id)["id"])
    assert ended["state"] == "FAILED"
    assert "subarray 1 is ABORTED" in ended["outcome"]["detail"]
    assert ended["outcome"]["detail"].endswith("To restart it: oet abort --restart --subarray_id=1")
    told = Terminal(server)("abort", "--restart", "--subarray_id=1")
    assert told.endswith("Subarray 1 is ABORTED already; it was restarted and is EMPTY\n")
    assert activities.ended(activities.run(sbd_id)["id"])["state"] == "COMPLETE"


def test_an_abort_that_never_ends_fails_loudly(simulator: Simulator, tmp_path: Path) -> None:
    simulator.reset()
    settings = settings_for(simulator, OET_ABORT_TIMEOUT="2 s")
    with serving(tmp_path / "state", **settings) as server:
        activities = Activities(server)
        aid = activities.run(add(server, "sbd-stuck", scan_duration=60_000))["id"]
        simulator.wait_obs_state(S.SCANNING)
        simulator.inject("Abort", "stuck")
        events = Events(server, topics="procedure.abort")
        stopped, abort = _stop(activities, aid)
        assert (stopped["state"], abort["state"]) == ("STOPPED", "FAILED")
        assert abort["outcome"]["reason"] == "timeout"
        events.wait(lambda e: e["topic"] == "procedure.abort.failed" and e["pid"] == abort["id"])
        assert "THE SUBARRAY WAS NOT ABORTED" in server.log.read_text()
        events.close()


def test_an_abort_without_a_telescope_fails_at_once_with_a_sentence(tmp_path: Path) -> None:
    simulator = Simulator(strict=True)
    try:
        simulator.start()
        with serving(tmp_path / "state", **settings_for(simulator)) as server:
            activities = Activities(server)
            waits = inline("import time\ndef main():\n    time.sleep(600)\n")
            aid = activities.run(Blocks(server).add("sbd-dead", {"observe": waits}))["id"]
            activities.wait(aid, "RUNNING")
            simulator.kill()
            _, abort = _stop(activities, aid)
            assert abort["state"] == "FAILED"
            assert "/mid-tmc/subarray/01#dbase=no cannot be reached" in abort["outcome"]["detail"]
    finally:
        simulator.close()


def test_an_observation_without_a_telescope_fails_with_a_sentence(tmp_path: Path) -> None:
    observatory = json.dumps(
        {"fsp_ids": [1, 2], "telescope_model": {"source_uris": ["car:x"], "array_layout_path": "y"}}
    )
    settings = {
        "SCRIPTS_LOCATION": PACKAGED_SCRIPTS,
        "TANGO_HOST": "127.0.0.1:9",
        "OET_OBSERVATORY": observatory,
    }
    with serving(tmp_path / "state", **settings) as server:
        ended = Activities(server).ended(Activities(server).run(add(server, "sbd-none"))["id"])
        assert ended["state"] == "FAILED"
        assert "mid-tmc/subarray/01 cannot be reached" in ended["outcome"]["detail"]


# -- faults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["AssignResources", "Configure", "Scan", "End", "ReleaseResources"])
@pytest.mark.parametrize("kind", ["raise", "fail", "fault"])
def test_a_fault_in_any_command_fails_the_activity_and_leaves_the_subarray_safe(
    activities: Activities, server: Server, simulator: Simulator, command: str, kind: str
) -> None:
    simulator.inject(command, kind, message="rain")
    events = Events(server, topics="user,sb,subarray")
    ended = activities.ended(activities.run(add(server, "sbd-fault", scans=1))["id"])
    assert ended["state"] == "FAILED"
    assert command in ended["outcome"]["detail"]
    assert "rain" in ended["outcome"]["detail"]
    assert simulator.obs_state() is S.EMPTY
    events.wait(lambda e: e["topic"] == "sb.lifecycle.finished.failed")
    told = [e["msg"] for e in events.all if e["topic"] == "user.script.announce"]
    assert told[-1].startswith("made safe: subarray 1 ")
    assert {"subarray.fault", "sb.lifecycle.observation.finished.failed"} <= set(events.topics())
    events.close()


# -- crashes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["activity", "ses", "bus", "rest"])
def test_killing_a_worker_during_an_observation_changes_nothing_for_it(
    simulator: Simulator, tmp_path: Path, role: str
) -> None:
    simulator.reset()
    with serving(tmp_path / "state", **settings_for(simulator)) as server:
        activities = Activities(server)
        aid = activities.run(add(server, "sbd-killed", scan_duration=500))["id"]
        simulator.wait_obs_state(S.SCANNING)
        server.kill(role)
        server.ready()
        ended = activities.ended(aid)
        assert ended["state"] == "COMPLETE", server.output(ended["procedure_id"])
        assert simulator.commands().count("Scan") == 2
        assert simulator.obs_state() is S.EMPTY
        until(lambda: Blocks(server).statuses(ended["sbi_id"])[-1:] == ["Observed"])

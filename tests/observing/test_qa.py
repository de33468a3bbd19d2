"""Scans wait for QA as the operator wants it, and an override lets exactly the current one through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.telescope.states import ObsState

from ..conftest import Events, Server, serving
from ..support.activities import Activities
from ..support.simulator import Simulator
from .test_activities import add, settings_for

S = ObsState


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    found = Simulator("--delay", "AssignResources=0.05", "--delay", "Configure=0.05", strict=True)
    try:
        yield found.start()
    finally:
        found.close()


@pytest.fixture
def server(simulator: Simulator, tmp_path: Path) -> Iterator[Server]:
    simulator.reset()
    with serving(tmp_path / "state", **settings_for(simulator, OET_WAIT_FOR_QA_READY="true")) as found:
        yield found


def switch(server: Server, action: str) -> Any:
    answer = server.request("PUT", "/operator/wait_for_qa_ready", json={"action": action})
    assert answer.status_code == 200, answer.text
    return answer.json()


def said(answer: dict[str, Any]) -> dict[str, Any]:
    """How the switch stands, and not who has set it when."""
    return {name: value for name, value in answer.items() if name not in ("set_by", "set_at")}


def state(server: Server) -> Any:
    return server.get("/operator/wait_for_qa_ready")


def waiting(server: Server, events: Events, times: int = 1) -> None:
    """Wait until the script has said so many times that it waits for QA."""
    said = {"topic": "user.script.announce", "msg": "waiting until QA is ready"}

    def often(_: dict[str, Any]) -> bool:
        return sum(said.items() <= e.items() for e in events.all) >= times

    events.wait(often)


def test_with_the_switch_on_each_scan_waits_for_the_signal(server: Server, simulator: Simulator) -> None:
    activities, events = Activities(server), Events(server, topics="user,operator")
    aid = activities.run(add(server, "sbd-qa", scan_duration=500))["id"]
    for scan in (1, 2):
        waiting(server, events, scan)
        assert simulator.obs_state() is S.READY
        assert simulator.commands().count("Scan") == scan - 1
        simulator.quality.command_inout("SetReady")
        simulator.wait_obs_state(S.SCANNING)
        simulator.quality.command_inout("SetNotReady")
    assert activities.ended(aid)["state"] == "COMPLETE"
    assert simulator.commands().count("Scan") == 2


def test_an_override_lets_exactly_the_current_scan_through(server: Server, simulator: Simulator) -> None:
    activities, events = Activities(server), Events(server, topics="user,operator")
    activity = activities.run(add(server, "sbd-override"))
    waiting(server, events)
    requested = switch(server, "override")
    assert requested["override"]["procedure_id"] == activity["procedure_id"]
    events.wait(lambda e: (e.get("override") or {}).get("state") == "acknowledged")
    assert state(server)["override"]["state"] == "acknowledged"
    waiting(server, events, 2)
    assert simulator.commands().count("Scan") == 1
    simulator.quality.command_inout("SetReady")
    assert activities.ended(activity["id"])["state"] == "COMPLETE"
    states = [e["override"] for e in events.all if e["topic"] == "operator.override.state"]
    known = [override["state"] for override in states if override]
    assert known == ["requested", "delivered", "acknowledged"]
    assert said(state(server)) == {"wait_for_qa_ready": True, "override": None}


def test_disabling_lets_a_wait_end_and_holds_for_later_scans(server: Server, simulator: Simulator) -> None:
    activities, events = Activities(server), Events(server, topics="user,operator")
    aid = activities.run(add(server, "sbd-disable"))["id"]
    waiting(server, events)
    assert said(switch(server, "disable")) == {"wait_for_qa_ready": False, "override": None}
    assert activities.ended(aid)["state"] == "COMPLETE"
    assert simulator.commands().count("Scan") == 2


def test_enabling_makes_a_running_script_wait(server: Server, simulator: Simulator) -> None:
    switch(server, "disable")
    activities, events = Activities(server), Events(server, topics="user,operator")
    aid = activities.run(add(server, "sbd-enable", scan_duration=1000))["id"]
    simulator.wait_obs_state(S.SCANNING)
    switch(server, "enable")
    waiting(server, events)
    assert simulator.commands().count("Scan") == 1
    switch(server, "override")
    assert activities.ended(aid)["state"] == "COMPLETE"


def test_an_override_without_a_running_script_is_refused_and_changes_nothing(server: Server) -> None:
    answer = server.request("PUT", "/operator/wait_for_qa_ready", json={"action": "override"})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith(
        "There is no wait for QA to override: no procedure is RUNNING; "
    )
    assert said(state(server)) == {"wait_for_qa_ready": True, "override": None}


@pytest.mark.parametrize("body", [{}, {"action": "maybe"}, {"action": None}])
def test_another_word_is_422(server: Server, body: dict[str, Any]) -> None:
    answer = server.request("PUT", "/operator/wait_for_qa_ready", json=body)
    assert answer.status_code == 422
    assert "action" in answer.json()["detail"]


def test_the_switch_survives_a_restart_of_the_server(server: Server) -> None:
    switch(server, "disable")
    server.stop()
    server.start()
    assert said(state(server)) == {"wait_for_qa_ready": False, "override": None}
    assert server.get("/status")["wait_for_qa_ready"] is False


@pytest.mark.parametrize("role", ["ses", "bus"])
def test_an_override_survives_a_crash_and_is_not_carried_out_twice(
    server: Server, simulator: Simulator, role: str
) -> None:
    activities, events = Activities(server), Events(server, topics="user,operator")
    aid = activities.run(add(server, "sbd-crash"))["id"]
    waiting(server, events)
    switch(server, "override")
    events.wait(lambda e: (e.get("override") or {}).get("state") == "acknowledged")
    waiting(server, events, 2)
    server.kill(role)
    server.ready()
    assert state(server)["override"]["state"] == "acknowledged"
    switch(server, "override")
    assert activities.ended(aid)["state"] == "COMPLETE"
    assert simulator.commands().count("Scan") == 2


def test_where_nobody_can_tell_about_qa_the_operator_decides(simulator: Simulator, tmp_path: Path) -> None:
    simulator.reset()
    settings = settings_for(simulator, OET_WAIT_FOR_QA_READY="true")
    settings["QUALITYMONITOR_TRL_PREFIX"] = "tango://127.0.0.1:9/mid-sdp/quality-monitor#dbase=no"
    with serving(tmp_path / "state", **settings) as server:
        activities, events = Activities(server), Events(server, topics="user,operator")
        aid = activities.run(add(server, "sbd-no-monitor", scans=1))["id"]
        events.wait(lambda e: str(e.get("msg")).startswith("nobody can tell whether QA is ready"))
        switch(server, "override")
        assert activities.ended(aid)["state"] == "COMPLETE"


def test_scripts_without_the_library_get_the_switch_and_hear_of_it(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "hears.py"
    script.write_text(
        "import threading\n"
        "from pubsub import pub\n"
        "heard = threading.Event()\n"
        "def listen(msg_src):\n"
        "    print('heard of it from', msg_src)\n"
        "    heard.set()\n"
        "def main(context):\n"
        "    pub.subscribe(listen, 'operator.wait_for_qa_ready.disable')\n"
        "    print(context)\n"
        "    pub.sendMessage('user.script.announce', msg='here')\n"
        "    heard.wait(30)\n"
        "    print(context)\n"
    )
    events = Events(server, topics="user")
    pid = server.run(str(script))
    events.wait(lambda e: e.get("msg") == "here")
    switch(server, "disable")
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid).splitlines() == [
        "{'wait_for_qa_ready': True}",
        "heard of it from FlaskWorker",
        "{'wait_for_qa_ready': False}",
    ]

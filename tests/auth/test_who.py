"""Documents and events tell who created, started, stopped and decided."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from ..conftest import Events, Server
from ..support.activities import Activities, Blocks, inline
from ..support.issuer import Issuer
from ..support.terminals import Terminal
from .conftest import bearer, log_in

SCRIPT = {"script": {"script_type": "filesystem", "script_uri": "file://diehard.py"}}
RUN = {"state": "RUNNING", "script_args": {"main": {"args": ["sleeping"]}}}
STOP = {"state": "STOPPED"}


@pytest.fixture
def oet(oet: Server, issuer: Issuer) -> Server:
    log_in(oet, issuer, subarrays="*")
    return oet


def _as(issuer: Issuer, server: Server, who: str, method: str, path: str, body: Any) -> dict[str, Any]:
    token = issuer.token(scope="oet:execute", sub=who, subarrays="*")
    answer = requests.request(method, f"{server.url}{path}", json=body, headers=bearer(token), timeout=60)
    assert answer.ok, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _who(document: dict[str, Any]) -> tuple[str | None, ...]:
    return tuple(document[f"{what}_by"] for what in ("created", "started", "stopped"))


def test_of_a_procedure_each_change_tells_by_whom(oet: Server, issuer: Issuer) -> None:
    created = _as(issuer, oet, "alice", "POST", "/procedures", SCRIPT)
    pid = created["id"]
    assert _who(created) == ("alice", None, None)
    oet.wait_state(pid, "READY")
    started = _as(issuer, oet, "bob", "PUT", f"/procedures/{pid}", RUN)
    assert _who(started) == ("alice", "bob", None)
    _as(issuer, oet, "carol", "PUT", f"/procedures/{pid}", STOP)
    assert _who(oet.procedure(pid)) == ("alice", "bob", "carol")
    assert _who(oet.get("/procedures")[-1]) == ("alice", "bob", "carol")
    assert _who(oet.get("/procedures", all="true")[-1]) == ("alice", "bob", "carol")
    oet.kill("ses")
    oet.ready()
    assert _who(oet.procedure(pid)) == ("alice", "bob", "carol")


def test_the_stream_tells_on_whose_behalf(oet: Server, issuer: Issuer) -> None:
    events = Events(oet, topics="request.procedure,procedure.lifecycle", exclude="procedure.lifecycle.ready")
    pid = _as(issuer, oet, "alice", "POST", "/procedures", SCRIPT)["id"]
    oet.wait_state(pid, "READY")
    _as(issuer, oet, "bob", "PUT", f"/procedures/{pid}", RUN)
    _as(issuer, oet, "carol", "PUT", f"/procedures/{pid}", STOP)
    events.wait(lambda e: e.get("topic") == "procedure.lifecycle.stopped")
    told = {e["topic"]: e.get("user") for e in events.all if "topic" in e}
    events.close()
    assert told["request.procedure.create"] == told["procedure.lifecycle.created"] == "alice"
    assert told["request.procedure.start"] == told["procedure.lifecycle.started"] == "bob"
    assert told["request.procedure.stop"] == "carol"


def test_of_an_activity_each_change_tells_by_whom(oet: Server, issuer: Issuer) -> None:
    script = "import time\n\ndef main(*args, **kwargs):\n    while True:\n        time.sleep(0.01)\n"
    Blocks(oet).add("sbd-1", {"observe": inline(script)})
    body = {"activity_name": "observe", "sbd_id": "sbd-1", "prepare_only": True}
    activity = _as(issuer, oet, "alice", "POST", "/activities", body)
    assert _who(activity) == ("alice", None, None)
    activities = Activities(oet)
    activities.wait(activity["id"], "PREPARED")
    _as(issuer, oet, "bob", "PUT", f"/procedures/{activity['procedure_id']}", {"state": "RUNNING"})
    assert _who(activities.wait(activity["id"], "RUNNING")) == ("alice", "bob", None)
    _as(issuer, oet, "carol", "PUT", f"/activities/{activity['id']}", STOP)
    ended = activities.ended(activity["id"])
    assert _who(ended) == ("alice", "bob", "carol")
    assert ended["script_uri"].endswith("/script.py")
    listed = oet.get("/activities", all="true")[-1]
    changes_yet = {"sbi_status": None}  # the archive is told last
    assert listed | changes_yet == ended | changes_yet


def test_the_operators_switch_tells_who_has_set_it_and_who_overrides(oet: Server, issuer: Issuer) -> None:
    path = "/operator/wait_for_qa_ready"
    pid = oet.run("diehard.py", "sleeping")
    disabled = _as(issuer, oet, "alice", "PUT", path, {"action": "disable"})
    enabled = _as(issuer, oet, "bob", "PUT", path, {"action": "enable"})
    assert (disabled["set_by"], enabled["set_by"]) == ("alice", "bob")
    overridden = _as(issuer, oet, "carol", "PUT", path, {"action": "override"})
    assert (overridden["set_by"], overridden["override"]["by"]) == ("bob", "carol")
    oet.kill("ses")
    oet.ready()
    kept = oet.get(path)
    assert (kept["set_by"], kept["set_at"], kept["override"]["by"]) == ("bob", enabled["set_at"], "carol")
    assert oet.get("/status")["set_by"] == "bob"
    oet.stop_script(pid)


def test_the_terminal_tells_by_whom(oet: Server, issuer: Issuer) -> None:
    def person(who: str) -> Terminal:
        terminal = Terminal(oet)
        terminal.environ["OET_TOKEN"] = issuer.token(scope="oet:execute", sub=who, subarrays="*")
        return terminal

    with person("dora").typing("listen", "--format=log") as listening:
        listening.until("nothing has happened for")
        pid = person("alice")("procedure", "create", "file://diehard.py").splitlines()[2].split()[0]
        listening.until("[1 alice] Procedure")
        with person("bob").typing("procedure", "start", f"--pid={pid}", "sleeping") as following:
            following.until("started execution")
            person("carol")("procedure", "stop", pid, "--run_abort=False")
            told = following.end()
        listening.until("execution stopped")
    assert f"User request: start execution of process #{pid} (by bob)" in told
    assert f"User request: stop procedure #{pid} with no abort (by carol)" in told
    assert "execution stopped on subarray 1 (by carol)" in told
    assert f"[1 bob] User request: start execution of process #{pid}\n" in listening.told
    assert "[1 carol] Procedure" in listening.told
    row = person("dora")("procedure", "list").splitlines()[2]
    assert row.endswith("  bob, stopped by carol")
    assert "created by alice, started by bob, stopped by carol" in person("dora")(
        "procedure", "describe", pid
    )

"""Dry runs: real scripts against no telescope, beside a script that has the subarray."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..conftest import Server, serving
from ..support.activities import Activities, Blocks
from ..support.blocks import sample

SITE = {
    "fsp_ids": [1, 2, 3, 4],
    "telescope_model": {"source_uris": ["car:x"], "array_layout_path": "y"},
}


def dry_run(server: Server, script: str, **kwargs: Any) -> int:
    """Create and start a dry run; returns its id."""
    body = {"script": {"script_type": "filesystem", "script_uri": f"file://{script}"}, "simulate": True}
    answer = server.request("POST", "/procedures", json=body)
    assert answer.status_code == 201, answer.text
    pid = int(answer.json()["id"])
    assert answer.json()["simulated"] is True
    server.wait_state(pid, "READY")
    server.start_main(pid, **kwargs)
    return pid


def test_hours_of_waiting_pass_at_once_beside_a_script_that_runs(server: Server, tmp_path: Path) -> None:
    running = server.run("paced.py", gate=str(tmp_path / "gate"))
    pid = dry_run(server, "long_observation.py", scans=720, seconds=10)
    ended = server.ended(pid)
    assert (ended["state"], ended["simulated"]) == ("COMPLETE", True)
    assert 7200 <= ended["dry_run"]["seconds"] < 7260
    assert ended["ended"] - ended["started"] < 60
    assert server.procedure(running)["state"] == "RUNNING"
    assert server.get("/status")["running"]["id"] == running
    server.stop_script(running)
    assert server.procedure(running)["simulated"] is False


def test_a_dry_run_cannot_have_tango(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "commands.py"
    path.write_text("import tango\n\ndef main():\n    pass\n")
    body = {"script": {"script_type": "filesystem", "script_uri": f"file://{path}"}, "simulate": True}
    pid = int(server.request("POST", "/procedures", json=body).json()["id"])
    ended = server.ended(pid)
    assert ended["outcome"]["reason"] == "load_error"
    assert "a dry run cannot have Tango" in ended["outcome"]["detail"]


def test_the_abort_script_is_no_dry_run_and_a_dry_run_is_followed_by_no_abort(
    server: Server, tmp_path: Path
) -> None:
    body = {"script": {"script_type": "filesystem", "script_uri": "file://abort.py"}, "simulate": True}
    answer = server.request("POST", "/procedures", json=body)
    assert (answer.status_code, "cannot be simulated" in answer.json()["detail"]) == (422, True)
    pid = dry_run(server, "paced.py", gate=str(tmp_path / "gate"))
    stopped = server.stop_script(pid, abort=True)
    assert (stopped["simulated"], stopped["abort_procedure"]) == (True, None)


def test_an_activity_is_simulated_without_a_telescope_and_without_a_trace_in_the_archive(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "state", OET_OBSERVATORY=json.dumps(SITE)) as server:
        blocks, activities = Blocks(server), Activities(server)
        content = sample(scan_duration=600_000, scans=2)
        plain = {name: value for name, value in content.items() if name not in ("sbd_id", "activities")}
        sbd_id = blocks.add("sbd-1", content["activities"], **plain)
        activity = activities.ended(activities.run(sbd_id, simulate=True)["id"])
        procedure = server.procedure(activity["procedure_id"])
        assert activity["state"] == "COMPLETE", procedure
        assert (activity["simulated"], activity["sbi_status"], activity["execution_blocks"]) == (
            True,
            None,
            [],
        )
        sent = [command["command"] for command in procedure["dry_run"]["commands"]]
        assert sent == ["AssignResources", *["Configure", "Scan"] * 2, "End", "ReleaseResources"]
        assert procedure["dry_run"]["seconds"] >= 1200
        assert not blocks.instances()
        assert server.get("/status")["obs_state"] is None

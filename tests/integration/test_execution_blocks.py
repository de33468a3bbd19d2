"""An execution block is on record for each run, with the commands and their answers."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Server, serving, until
from ..support.activities import Activities, Blocks, inline

SAYS = textwrap.dedent(
    """
    import os, time
    from pubsub import pub

    def started(eb_id, **more):
        about = {"eb_id": eb_id, "sb_id": "sbd-1", "subarray_id": 1, "telescope": "ska_mid"}
        pub.sendMessage("execution_block.started", **{**about, **more})

    def command(eb_id, number, answer="OK", ok=True):
        pub.sendMessage("execution_block.command", eb_id=eb_id, number=number, command="Scan",
                        device="mid-tmc/subarray/01", request='{"scan_id": %d}' % number, answer=answer,
                        ok=ok, sent=time.time(), ended=time.time())

    def finished(eb_id, status="Observed"):
        pub.sendMessage("execution_block.finished", eb_id=eb_id, status=status)

    def wait_for(path):
        while not os.path.exists(path):
            time.sleep(0.01)
    """
)


def says(*lines: str) -> dict[str, Any]:
    """An activity whose script says something about execution blocks."""
    return inline(SAYS + "def main():\n" + "".join(f"    {line}\n" for line in lines))


def newest(folder: Path, eb_id: str) -> dict[str, Any]:
    """The newest form of an execution block in an archive, empty if there is none."""
    paths = list((folder / "eb" / eb_id).glob("*.json"))
    if not paths:
        return {}
    found: dict[str, Any] = json.loads(max(paths, key=lambda path: int(path.stem)).read_text())
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state") as found:
        yield found


@pytest.fixture
def blocks(server: Server) -> Blocks:
    return Blocks(server)


@pytest.fixture
def activities(server: Server) -> Activities:
    return Activities(server)


def recorded(activities: Activities, aid: int, status: str) -> dict[str, Any]:
    """The activity, once the archive has its execution blocks with this status."""
    until(lambda: {one["status"] for one in activities.get(aid)["execution_blocks"]} == {status})
    return activities.get(aid)


def test_a_run_leaves_its_execution_block(activities: Activities, blocks: Blocks) -> None:
    lines = ("started('eb-1')", "command('eb-1', 1)", "command('eb-1', 2, 'it broke', False)")
    sbd_id = blocks.add("sbd-eb", {"observe": says(*lines, "finished('eb-1')")})
    ended = activities.ended(activities.run(sbd_id)["id"])
    activity = recorded(activities, ended["id"], "Observed")
    assert activity["execution_blocks"] == [{"eb_id": "eb-1", "status": "Observed"}]
    eb = newest(blocks.folder, "eb-1")
    assert (eb["status"], eb["sbd_ref"], eb["sbi_ref"]) == ("Observed", sbd_id, activity["sbi_id"])
    assert [(one["request"], one["status"]) for one in eb["request_responses"]] == [
        ("Scan", "OK"),
        ("Scan", "ERROR"),
    ]


def test_a_block_whose_script_ends_without_a_word_has_failed(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-fails", {"observe": says("started('eb-2')", "command('eb-2', 1)", "1 / 0")})
    ended = activities.ended(activities.run(sbd_id)["id"])
    recorded(activities, ended["id"], "Failed")
    eb = newest(blocks.folder, "eb-2")
    assert (eb["status"], len(eb["request_responses"])) == ("Failed", 1)


def test_a_block_whose_script_is_stopped_has_failed(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-stopped", {"observe": says("started('eb-3')", "time.sleep(60)")})
    activity = activities.run(sbd_id)
    recorded(activities, activity["id"], "Created")
    activities.stop(activity["id"])
    recorded(activities, activity["id"], "Failed")
    assert newest(blocks.folder, "eb-3")["status"] == "Failed"


def test_commands_are_in_the_archive_while_the_script_runs(
    activities: Activities, blocks: Blocks, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    lines = ("started('eb-4')", "command('eb-4', 1)", f"wait_for({str(gate)!r})", "finished('eb-4')")
    activity = activities.run(blocks.add("sbd-running", {"observe": says(*lines)}))
    until(lambda: newest(blocks.folder, "eb-4").get("request_responses"), 20)
    assert newest(blocks.folder, "eb-4")["status"] == "Created"
    gate.touch()
    recorded(activities, activity["id"], "Observed")


def test_what_cannot_be_meant_changes_nothing(activities: Activities, blocks: Blocks) -> None:
    lines = (
        "started('../../evil')",
        "started('eb-5', telescope='SKA')",
        "command('eb-never-started', 1)",
        "started('eb-6')",
        "command('eb-6', -1)",
        "pub.sendMessage('execution_block.command', eb_id='eb-6')",
        "finished('eb-6', 'Ready')",
        "finished('eb-6')",
    )
    ended = activities.ended(activities.run(blocks.add("sbd-evil", {"observe": says(*lines)}))["id"])
    activity = recorded(activities, ended["id"], "Observed")
    assert [one["eb_id"] for one in activity["execution_blocks"]] == ["eb-6"]
    assert newest(blocks.folder, "eb-6")["request_responses"] == []


def test_what_a_procedure_without_a_block_says_is_not_recorded(
    server: Server, blocks: Blocks, activities: Activities, tmp_path: Path
) -> None:
    script = tmp_path / "alone.py"
    script.write_text(SAYS + "def main():\n    started('eb-alone')\n    finished('eb-alone')\n")
    server.ended(server.run(str(script)))
    lines = ("started('eb-7')", "finished('eb-7')")
    later = activities.run(blocks.add("sbd-later", {"observe": says(*lines)}))
    recorded(activities, later["id"], "Observed")
    assert newest(blocks.folder, "eb-alone") == {}


def test_killing_the_worker_during_a_block_loses_nothing_of_it(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lines = ("started('eb-8')", "command('eb-8', 1)", f"wait_for({str(gate)!r})", "command('eb-8', 2)")
    with serving(tmp_path / "state") as server:
        blocks, activities = Blocks(server), Activities(server)
        activity = activities.run(blocks.add("sbd-killed", {"observe": says(*lines, "finished('eb-8')")}))
        recorded(activities, activity["id"], "Created")
        server.kill("activity")
        gate.touch()
        recorded(activities, activity["id"], "Observed")
        eb = newest(blocks.folder, "eb-8")
        assert (eb["status"], len(eb["request_responses"])) == ("Observed", 2)


def test_an_archive_that_cannot_be_written_delays_no_script_and_gets_the_block_later(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        blocks, activities = Blocks(server), Activities(server)
        (server.state / "oda").mkdir(exist_ok=True)
        (server.state / "oda" / "eb").write_text("in the way")
        lines = ("started('eb-9')", "command('eb-9', 1)", "finished('eb-9')")
        ended = activities.ended(activities.run(blocks.add("sbd-away", {"observe": says(*lines)}))["id"])
        assert (ended["state"], ended["execution_blocks"]) == (
            "COMPLETE",
            [{"eb_id": "eb-9", "status": None}],
        )
        (server.state / "oda" / "eb").unlink()
        recorded(activities, ended["id"], "Observed")
        assert len(newest(blocks.folder, "eb-9")["request_responses"]) == 1

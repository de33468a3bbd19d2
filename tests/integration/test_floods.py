"""It always answers: floods of output, of messages and of listeners delay nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..conftest import Events, Server, serving, until


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("megabytes", [100, pytest.param(1024, marks=pytest.mark.long)])
def test_a_flood_of_output_keeps_its_first_and_last_part_and_bounded_disk(
    tmp_path: Path, megabytes: int
) -> None:
    with serving(tmp_path / "state", OET_OUTPUT_LIMIT="4 MiB") as server:
        pid = server.run("floods.py", "output", megabytes)
        found = server.ended(pid, timeout=120)
        assert found["state"] == "COMPLETE"
        assert size_of(server.state / "runs" / str(pid)) < 5 * 2**20
        text, after, streams = "", 0, []
        while True:
            page = server.get(f"/procedures/{pid}/output", after=after, limit=2**20)
            text += "".join(chunk["text"] for chunk in page["chunks"])
            streams += [chunk["stream"] for chunk in page["chunks"]]
            if page["next"] == after:
                break
            after = page["next"]
        assert text.startswith("x" * 1023 + "\n")
        assert text.endswith("the last line\n")
        assert streams.count("oet") == 1
        dropped = int(text.partition("[... ")[2].partition(" bytes dropped")[0])
        marker = len(f"\n[... {dropped} bytes dropped ...]\n")
        assert len(text) - marker + dropped == megabytes * 2**20 + len("the last line\n")


@pytest.mark.parametrize("count", [5_000, pytest.param(20_000, marks=pytest.mark.long)])
def test_a_flood_of_messages_arrives_whole_and_in_order(server: Server, count: int) -> None:
    events = Events(server, topics="user.script.flood,procedure.lifecycle")
    pid = server.run("floods.py", "messages", count)
    events.wait(lambda e: e.get("new_state") == "COMPLETE" and e["pid"] == pid, timeout=60)
    told = [e["n"] for e in events.all if e["topic"] == "user.script.flood"]
    assert told == list(range(count))
    events.close()


@pytest.mark.parametrize("what, amount", [("messages", 10**9), ("output", 10**6)])
def test_a_flood_can_be_stopped(server: Server, what: str, amount: int) -> None:
    pid = server.run("floods.py", what, amount)
    events = Events(server, procedure=pid)
    events.wait(lambda e: e["topic"] in ("user.script.flood", "procedure.output"))
    assert server.stop_script(pid)["survivors"] == 0
    assert server.procedure(pid)["state"] == "STOPPED"
    events.close()


@pytest.mark.parametrize("rounds", [40, pytest.param(500, marks=pytest.mark.long)])
def test_rounds_of_create_and_start_leave_nothing_behind(tmp_path: Path, rounds: int) -> None:
    with serving(tmp_path / "state") as server:
        for _ in range(20):
            server.ended(server.run("trivial.py"))
        settle(server)
        before = footprint(server)
        for _ in range(rounds):
            assert server.ended(server.run("trivial.py"))["state"] == "COMPLETE"
        server.ready()
        settle(server)
        after = footprint(server)
        for role in ("bus", "ses", "rest"):
            assert after[f"{role} descriptors"] <= before[f"{role} descriptors"] + 6
            assert after[f"{role} memory"] <= before[f"{role} memory"] + 8 * 2**20 + rounds * 2048


#: Arbiter, four workers, gunicorn's own worker, the forkserver, and a warm supervisor with its runner.
PROCESSES = 9


def settle(server: Server) -> None:
    """Wait until the server has no process but its own and one warm pair."""
    until(lambda: len(server.processes()) == PROCESSES)


def footprint(server: Server) -> dict[str, int]:
    found: dict[str, int] = {}
    for role in ("bus", "ses", "rest"):
        process = server.worker(role)
        if role == "rest":
            process = process.children()[0]
        found[f"{role} descriptors"] = process.num_fds()
        found[f"{role} memory"] = process.memory_info().rss
    return found


def test_a_list_is_bounded_however_much_was_run(server: Server) -> None:
    for _ in range(12):
        server.ended(server.run("trivial.py"))
    listed = server.get("/procedures")
    assert len(listed) == 10
    assert [p["id"] for p in listed] == sorted(p["id"] for p in listed)
    alive = [p for p in server.processes() if p.name().startswith("oet-super-")]
    assert len(alive) <= 10

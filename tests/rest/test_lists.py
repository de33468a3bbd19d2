"""Lists of procedures over REST."""

from __future__ import annotations

from ..conftest import Server
from .answers import problem


def test_lists_show_the_newest_and_all_of_them_can_be_paged_through(server: Server) -> None:
    made = [server.create("trivial.py") for _ in range(3)] + [server.create("echo.py") for _ in range(9)]
    for pid in made[-10:]:
        server.wait_state(pid, "READY")
    assert [p["id"] for p in server.get("/procedures")] == made[-10:]
    paged: list[int] = []
    before = made[-1] + 1
    while page := server.get("/procedures", all="true", limit=5, before=before):
        assert len(page) <= 5
        assert [p["id"] for p in page] == sorted(p["id"] for p in page)
        paged = [p["id"] for p in page] + paged
        before = paged[0]
    assert paged == list(range(1, made[-1] + 1))
    assert [p["id"] for p in server.get("/procedures", all="true", limit=2)] == made[-2:]
    echoes = [p["id"] for p in server.get("/procedures", all="true", script="echo.py", limit=9)]
    assert echoes == made[-9:]
    ready = {p["id"] for p in server.get("/procedures", all="true", state="READY")}
    assert ready == set(made[-10:])


def test_the_eleventh_drops_the_oldest_finished_one_which_is_still_read_by_id(server: Server) -> None:
    finished = server.run("trivial.py")
    whole = server.ended(finished)
    made = [server.create("trivial.py") for _ in range(10)]
    assert finished not in [p["id"] for p in server.get("/procedures")]
    assert server.procedure(finished) == whole
    problem(server.put(finished, state="RUNNING"), 409, f"procedure {finished}: it is COMPLETE")
    problem(server.put(finished, state="STOPPED"), 409, f"procedure {finished}: it is already COMPLETE")
    for pid in made:
        server.wait_state(pid, "READY")


def test_without_a_finished_one_the_oldest_ready_one_is_ended_as_evicted(server: Server) -> None:
    made = [server.create("trivial.py") for _ in range(10)]
    for pid in made:
        server.wait_state(pid, "READY")
    newest = server.create("trivial.py")
    ended = server.ended(made[0])
    assert (ended["state"], ended["outcome"]["reason"]) == ("STOPPED", "evicted")
    assert server.procedure(newest)["evicts"] == made[0]
    assert [p["id"] for p in server.get("/procedures")][:9] == made[1:]


def test_a_running_procedure_is_never_dropped_from_the_list(server: Server) -> None:
    running = server.run("diehard.py", "sleeping")
    for _ in range(11):
        server.wait_state(server.create("trivial.py"), "READY")
    assert server.get("/procedures")[0]["id"] == running
    assert server.procedure(running)["state"] == "RUNNING"
    server.stop_script(running)

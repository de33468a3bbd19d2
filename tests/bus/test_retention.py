"""What is too old is removed; what lives, is listed or is needed stays; numbers and ids go on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.domain.outcome import Outcome, Reason
from ska_oso_oet.domain.procedure import Procedure
from ska_oso_oet.domain.scripts import Arguments, FileScript
from ska_oso_oet.domain.states import ProcedureState
from ska_oso_oet.files import expiry
from ska_oso_oet.journal import Journal, Query
from ska_oso_oet.journal.retention import Plan, Retention

from ..conftest import Events, Server, serving, until
from ..support import sample
from ..support.activities import Activities, Blocks, inline
from ..support.ageing import DAY, age
from ..support.buses import broker_here, in_loop, said
from ..support.buses import until as until_true

NOW = 1_000 * DAY


class History:
    """Writes what happens, a message a minute from a day on."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def say(self, day: float, topic: str = "user.script.announce", **more: Any) -> int:
        """Write a message of a day; returns its number."""
        seq = self.journal.head() + 1
        known: dict[str, Any] = {"msg_src": "F", "payload": {}, "id": f"m{seq}"}
        self.journal.append([Envelope(topic=topic, seq=seq, time=day * DAY, **(known | more))])
        return seq

    def run(self, pid: int, day: float, *, until: float | None = None) -> None:
        """Write all there is about a procedure that begins on one day and ends on another, or never."""
        script = FileScript(script_uri="file:///a.py")
        procedure, created = Procedure.create(pid, script, Arguments(), day * DAY, None)
        happened: list[Any] = [created, procedure.change(ProcedureState.IDLE, day * DAY)]
        if until is not None:
            outcome = Outcome(reason=Reason.STOPPED)
            happened += procedure.finish(ProcedureState.STOPPED, until * DAY, outcome)
        for event in happened:
            self.say(event.time / DAY, event.TOPIC, msg_src=str(pid), payload=event.payload())

    def activity(self, aid: int, *states: tuple[str, float]) -> None:
        """Write the document of an activity, on the day of its last state."""
        document = {
            "id": aid,
            "state": states[-1][0],
            "activity_states": [[state, day * DAY] for state, day in states],
        }
        self.say(states[-1][1], "activity.lifecycle.running", payload={"result": document})

    def audit(self, day: float) -> None:
        """Write down a command."""
        fields = dict.fromkeys(("user", "name", "address", "what")) | {"method": "PUT", "path": "/"}
        self.say(day, "audit.command", payload=fields)

    def left(self) -> list[int]:
        """The numbers of the messages that are still there."""
        return [e.seq or 0 for e in self.journal.read(Query(limit=10**6))]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.db'}")
    yield History(journal)
    journal.close()


def purge(history: History, days: float = 100, newest: int = 2, **more: Any) -> Plan:
    """Remove what is older than so many days."""
    retention = Retention(history.journal, days, newest, **more)
    plan = retention.plan(NOW)
    asyncio.run(retention.carry_out(plan))
    return plan


def test_messages_are_removed_up_to_the_first_that_is_not_too_old(history: History) -> None:
    for day in (1, 500, 899, 901, 300, 1000):
        history.say(day)
    purge(history)
    assert history.left() == [4, 5, 6]
    assert (history.journal.first(), history.journal.head()) == (4, 6)


@pytest.mark.parametrize("days", [[901, 902], []])
def test_where_nothing_is_too_old_nothing_is_removed(history: History, days: list[float]) -> None:
    for day in days:
        history.say(day)
    assert purge(history) == Plan(spared=())
    assert len(history.left()) == len(days)
    assert history.journal.first() == min(1, len(days))


def test_the_last_message_stays_so_that_numbers_go_on(history: History) -> None:
    for day in range(1, 405):
        history.say(day)
    purge(history)
    assert history.left() == [404]
    assert (history.journal.first(), history.journal.head()) == (404, 404)
    assert history.say(1000) == 405
    purge(history)
    assert history.left() == [405]


def test_a_clock_that_was_wrong_neither_removes_nor_keeps_what_it_should_not(history: History) -> None:
    for day in (500, 5_000, 500, 950, 20, 5_000):
        history.say(day)
    purge(history)
    assert history.left() == [4, 5, 6]


def test_with_a_clock_that_went_back_to_its_beginning_nothing_is_removed(history: History) -> None:
    for day in (5_000, 5_001, 1000):
        history.say(day)
    purge(history)
    assert history.left() == [1, 2, 3]


def test_everything_about_procedures_that_live_or_are_the_newest_stays(history: History) -> None:
    history.run(1, 1, until=2)
    history.run(2, 3)
    history.run(3, 4, until=5)
    history.run(4, 5, until=6)
    history.say(1000)
    before = {e.seq: e.about for e in history.journal.read(Query(limit=1000))}
    purge(history, newest=2)
    assert history.left() == [seq for seq, about in before.items() if about in (2, 3, 4, None)]
    assert [document["id"] for document in history.journal.procedures()] == [4, 3, 2]
    assert history.journal.first() == history.journal.head()


def test_what_was_spared_is_removed_when_nothing_needs_it_any_more(history: History) -> None:
    for pid in (1, 2, 3):
        history.run(pid, pid, until=pid + 1)
    history.say(1000)
    purge(history, newest=2)
    first = history.journal.first()
    purge(history, newest=1)
    assert {e.about for e in history.journal.read(Query(limit=1000))} == {3, None}
    assert history.journal.first() == first


def test_a_procedure_counts_from_its_end(history: History) -> None:
    history.run(1, 1, until=950)
    history.run(2, 2, until=3)
    for pid in (3, 4):
        history.run(pid, 960, until=961)
    purge(history)
    assert [document["id"] for document in history.journal.procedures()] == [4, 3, 1]


def test_however_many_there_are_they_are_all_looked_at(history: History) -> None:
    count = 120
    for pid in range(1, count):
        history.run(pid, pid / count, until=pid / count + 1)
    history.run(count, 990)
    purge(history, newest=1)
    assert [document["id"] for document in history.journal.procedures()] == [count, count - 1]


@pytest.mark.parametrize(
    "document", ["nonsense", "{}", "[]", '{"history": {"process_states": []}}', '{"history": 4}']
)
def test_a_document_that_makes_no_sense_ends_nothing(history: History, document: str) -> None:
    for pid in (1, 2):
        history.run(pid, 1, until=2)
    history.say(1000)
    sample.sql(history.journal.file, f"UPDATE procedures SET document = '{document}' WHERE pid = 1")
    purge(history, newest=0)
    with history.journal.reading() as connection:
        assert connection.exec_driver_sql("SELECT pid FROM procedures").scalars().all() == [1]


def test_old_activities_are_removed_but_the_newest_and_those_that_live(history: History) -> None:
    history.activity(1, ("REQUESTED", 1), ("COMPLETE", 2))
    history.activity(2, ("REQUESTED", 2), ("PREPARED", 3))
    history.activity(3, ("REQUESTED", 3), ("STOPPED", 950))
    for aid in (4, 5, 6):
        history.activity(aid, ("REQUESTED", 4), ("FAILED", 5))
    history.say(6, "operator.override.state", payload={"wait_for_qa_ready": False, "override": None})
    purge(history)
    assert [document["id"] for document in history.journal.documents(kind="activity")] == [6, 5, 3, 2]
    assert len(history.journal.documents(kind="operator")) == 1


def test_who_asked_for_what_is_forgotten_with_the_messages(history: History) -> None:
    for day in (1, 2, 950, 1000):
        history.audit(day)
    purge(history)
    assert [entry["id"] for entry in history.journal.audit()] == [4, 3]


def test_what_is_not_safe_elsewhere_yet_is_not_removed(history: History) -> None:
    history.run(1, 1, until=2)
    for _ in range(3):
        history.say(10)
    before = history.left()
    assert purge(history, newest=0, copied=lambda: 0) == Plan()
    assert purge(history, newest=0, copied=lambda: before[-2]) == Plan()
    assert history.left() == before
    purge(history, newest=0, copied=lambda: before[-1])
    assert history.left() == before[-1:]
    assert history.journal.procedures() == []


@in_loop
async def test_the_bus_goes_on_while_much_is_removed(tmp_path: Path) -> None:
    async with broker_here(tmp_path) as (bus, journal):
        client, heard = await bus.client("me"), await bus.listener("other")
        await asyncio.gather(*client.send([said(client, n, time=1.0) for n in range(3000)]))
        retention = Retention(journal, 1, 10)
        removing = asyncio.ensure_future(retention.carry_out(retention.plan(NOW)))
        said_meanwhile = 0
        while not removing.done():
            await client.publish("user.script.announce", {"n": 3000 + said_meanwhile})
            said_meanwhile += 1
        assert said_meanwhile > 3000 / 50
        await until_true(lambda: len(heard.all) == 3000 + said_meanwhile)
        assert [e.seq for e in journal.read(Query(limit=10_000))] == list(range(3000, 3001 + said_meanwhile))


# -- folders -------------------------------------------------------------------------------------


def test_folders_in_which_nothing_changed_for_long_are_found_the_oldest_first(tmp_path: Path) -> None:
    for n, name in enumerate(("b", "a", "young")):
        (tmp_path / name).mkdir()
        set_age(tmp_path / name, 100 - n)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert expiry.old(str(tmp_path), NOW - 98.5 * DAY) == ["b", "a"]


def test_one_that_was_removed_by_half_is_removed_at_last(tmp_path: Path) -> None:
    (tmp_path / "whole" / "deep").mkdir(parents=True)
    (tmp_path / ".gone-half" / "deep").mkdir(parents=True)
    assert expiry.old(str(tmp_path), 0) == [".gone-half"]
    for name in (".gone-half", "whole"):
        expiry.discard(str(tmp_path), name)
    assert list(tmp_path.iterdir()) == []


def set_age(folder: Path, days: float) -> None:
    os.utime(folder, (NOW - days * DAY,) * 2)


# -- the real server -----------------------------------------------------------------------------


def _numbers(server: Server, **query: Any) -> list[dict[str, Any]]:
    """All that a listener is sent, up to something new."""
    with contextlib.closing(Events(server, **query)) as events:
        pid = server.create("trivial.py")
        events.wait(lambda e: e.get("topic") == "procedure.lifecycle.created" and e["result"]["id"] == pid)
        told = list(events.all)
    server.wait_state(pid, "READY")  # only so many may be on their way
    return told


def _count(server: Server, condition: str) -> int:
    with contextlib.closing(sqlite3.connect(server.state / "journal.db", timeout=20)) as database:
        found: int = database.execute(f"SELECT count(*) FROM messages WHERE {condition}").fetchone()[0]
        return found


def test_a_server_forgets_what_is_too_old_and_nothing_that_lives(tmp_path: Path) -> None:
    settings = {"OET_HISTORY": "2", "OET_RETENTION_DAYS": "10", "OET_DATABASE_URL": ""}
    with serving(tmp_path / "state", **settings) as server:
        block = Blocks(server).add("sbd-1", {"observe": inline("def main(): pass\n")})
        activities = Activities(server)
        for _ in range(3):
            activities.wait(activities.run(block)["id"], "COMPLETE")
        running = server.run("diehard.py", "sleeping")
        kept = [activities.get(aid)["sbi_id"] for aid in (2, 3)]
        head = _numbers(server, after=0)[-1]["seq"]
        age(server.state, 11)
        for worker in ("bus", "ses", "activity"):
            server.kill(worker)
        server.ready()
        until(lambda: _count(server, "about = 1") == 0)
        until(lambda: sorted(path.name for path in server.state.glob("activities/*")) == sorted(kept))
        until(lambda: not (server.state / "runs" / "1").exists())
        assert _count(server, f"about = {running}") > 5
        assert server.procedure(running)["state"] == "RUNNING"
        assert [p["id"] for p in server.get("/procedures", all="true")] == [2, 3, running, running + 1]
        assert server.request("GET", "/procedures/1").status_code == 404
        assert server.request("GET", "/activities/1").status_code == 404
        assert activities.get(2)["state"] == "COMPLETE"
        assert (server.state / "runs" / str(running)).exists()
        _a_listener_is_told_what_it_missed(server, head)
        server.kill("ses")
        server.ready()
        assert server.stop_script(running)["survivors"] == 0
        states = [state for state, _ in server.procedure(running)["history"]["process_states"]]
        assert (states[0], states[-1]) == ("CREATING", "STOPPED")
        assert server.create("trivial.py") == running + 4


def _a_listener_is_told_what_it_missed(server: Server, head: int) -> None:
    told = _numbers(server, after=2)
    assert [e["event"] for e in told].count("stream.reset") == 1
    seen = [e["seq"] for e in told if "seq" in e]
    assert seen == sorted(set(seen))
    assert seen[-1] > head
    assert told[-1]["event"] != "stream.reset"
    told = _numbers(server, after=seen[-1])
    assert "stream.reset" not in [e["event"] for e in told]
    assert next(e["seq"] for e in told if "seq" in e) == seen[-1] + 1

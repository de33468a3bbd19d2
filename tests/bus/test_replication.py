"""The central history is the journal, whatever happens to the database, the network or this server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.bus import topics
from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.central import replicator
from ska_oso_oet.central.database import LOCKS, Disagreement, engine_for
from ska_oso_oet.central.history_writer import Claimed, Replication
from ska_oso_oet.central.queries import CentralQueries
from ska_oso_oet.central.recovery import Recovery
from ska_oso_oet.central.replicator import Replicator
from ska_oso_oet.central.source import Source
from ska_oso_oet.central.store import History as Central
from ska_oso_oet.domain.errors import Unavailable
from ska_oso_oet.journal import Journal, Query
from ska_oso_oet.journal import backup as copies

from ..support import sample
from ..support.buses import BrokerProcess, Bus, in_loop, said, until
from ..support.postgresql import PostgreSQL, require_equal
from .audited import Audited
from .test_retention import NOW, History

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once: the tests wait for what comes of it."""
    monkeypatch.setattr(replicator, "_PAUSES", (0.05, 0.05))
    monkeypatch.setattr(replicator, "_PING", 0.02)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A journal with some history."""
    return sample.make(tmp_path / "journal.db")


@contextlib.contextmanager
def opened(file: Path) -> Iterator[Journal]:
    journal = Journal(f"sqlite:///{file}")
    try:
        yield journal
    finally:
        journal.close()


def central(url: str, journal: Journal, subarray: int = 1) -> tuple[Replicator, CentralQueries]:
    """What CentralWorker consists of."""
    writing = Central(engine_for(url, subarray, pooled=False), subarray)
    source = Source(journal.file)
    copier = Replicator(source, Replication(source, writing, subarray), lambda _: None)
    return copier, CentralQueries(Central(engine_for(url, subarray), subarray))


@contextlib.asynccontextmanager
async def replicating(
    journal: Journal, url: str, subarray: int = 1, days: float = 36500, newest: int = 10
) -> AsyncIterator[tuple[Replicator, CentralQueries]]:
    """Copying to the central history goes on for as long as the block lasts."""
    copier, questions = central(url, journal, subarray)
    running: asyncio.Task[None] | None = None
    try:
        await copier.recover(Recovery(journal.file, days, newest))
        running = asyncio.create_task(copier.run())
        yield copier, questions
    finally:
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        else:
            await asyncio.to_thread(copier._replication.end)
        # Only then is nobody left who uses a connection.
        for threads in (copier._thread, questions._threads):
            await asyncio.to_thread(threads.shutdown)
        questions.close()


async def up_to_date(copier: Replicator) -> None:
    await until(lambda: copier.trouble is None and copier.waiting == 0)


def write(journal: Journal, count: int, size: int = 10) -> None:
    """Write messages of a script."""
    first = journal.head() + 1
    known: dict[str, Any] = {"topic": "user.script.count", "msg_src": "1", "time": 1.5}
    journal.append(
        [
            Envelope(id=f"run-1-{n}", seq=n, payload={"n": n, "text": "x" * size}, **known)
            for n in range(first, first + count)
        ]
    )


@in_loop
async def test_what_is_there_and_what_comes_is_copied(
    file: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(file) as journal:
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
            require_equal(postgresql, centre, 1, file)
            for count in (1, 700, 3):
                write(journal, count)
                await up_to_date(copier)
            require_equal(postgresql, centre, 1, file)
    positions = [p for (p,) in postgresql.sql(centre, "SELECT position FROM oet_messages ORDER BY seq")]
    assert positions == sorted(set(positions))


@in_loop
async def test_after_a_restart_it_goes_on_where_it_was(
    file: Path, postgresql: PostgreSQL, centre: str
) -> None:
    for count in (1, 10, 600):
        with opened(file) as journal:
            write(journal, count)
            async with replicating(journal, centre) as (copier, _):
                await up_to_date(copier)
    require_equal(postgresql, centre, 1, file)


@in_loop
async def test_large_messages_are_copied_a_few_at_a_time(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(tmp_path / "journal.db") as journal:
        write(journal, 8, size=1_500_000)
        assert len(Source(journal.file).rows(0, 500)) == 1
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    require_equal(postgresql, centre, 1, tmp_path / "journal.db")


@in_loop
async def test_who_reads_beyond_a_position_misses_nothing_whoever_writes(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    files = {n: tmp_path / f"{n}.db" for n in (1, 2, 3)}
    seen: list[tuple[int, int]] = []
    with contextlib.ExitStack() as stack:
        journals = {n: stack.enter_context(opened(file)) for n, file in files.items()}
        async with contextlib.AsyncExitStack() as running:
            both = [
                await running.enter_async_context(replicating(journal, centre, n))
                for n, journal in journals.items()
            ]
            questions, after = both[0][1], 0
            for _ in range(60):
                for journal in journals.values():
                    write(journal, 20)
                await asyncio.sleep(0)
                for event in await questions.answer(topics.CENTRAL_EVENTS, {"after": after}):
                    after = event["position"]
                    seen.append((event["subarray"], event["envelope"]["seq"]))
            for copier, _ in both:
                await up_to_date(copier)
            while page := await questions.answer(topics.CENTRAL_EVENTS, {"after": after, "limit": 100}):
                after = page[-1]["position"]
                seen += [(event["subarray"], event["envelope"]["seq"]) for event in page]
    for n, file in files.items():
        assert [seq for subarray, seq in seen if subarray == n] == list(range(1, 1201))
        require_equal(postgresql, centre, n, file)


def _lines(caplog: pytest.LogCaptureFixture, beginning: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith(beginning)]


@in_loop
async def test_losing_the_database_loses_nothing_and_is_told_once(
    tmp_path: Path, postgresql: PostgreSQL, centre: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "journal.db"
    with opened(file) as journal:
        async with replicating(journal, centre) as (copier, questions):
            write(journal, 2000)
            await until(lambda: copier.copied() > 0)
            postgresql.kill()
            try:
                await until(lambda: copier.trouble is not None)
                at = copier.copied()
                for _ in range(10):
                    write(journal, 100)
                    await asyncio.sleep(0.02)
                with pytest.raises(Unavailable, match="the central history cannot be read at the moment"):
                    await questions.answer(topics.CENTRAL_BOUNDS, {})
                assert str(copier.health()).startswith("away: ")
                assert str(copier.health()).endswith(f"; {3000 - at} messages wait to be copied")
            finally:
                postgresql.start()
            await up_to_date(copier)
            assert copier.health() == "ok"
            (count,) = postgresql.sql(centre, "SELECT count(*) FROM oet_messages")[0]
    assert count == 3000
    require_equal(postgresql, centre, 1, file)
    assert len(_lines(caplog, "Stopped copying to the central history: ")) == 1
    (caught_up,) = _lines(caplog, "Copied ")
    assert int(caught_up.split()[1]) in range(3000 - at - 500, 3000 - at + 1)


@in_loop
async def test_a_database_that_does_not_answer_keeps_nobody_waiting(
    tmp_path: Path, postgresql: PostgreSQL, centre: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicator, "_SLOW", 0.3)
    monkeypatch.setattr("ska_oso_oet.central.queries._ANSWER", 0.3)
    file = tmp_path / "journal.db"
    with opened(file) as journal:
        async with replicating(journal, centre) as (copier, questions):
            write(journal, 10)
            await up_to_date(copier)
            with postgresql.frozen():
                write(journal, 10)
                await until(lambda: copier.trouble == "no answer within 0.3 s")
                for _ in range(4):  # more than there are threads
                    with pytest.raises(Unavailable, match="no answer within 0.3 s"):
                        await questions.answer(topics.CENTRAL_BOUNDS, {})
                write(journal, 10)
            await up_to_date(copier)
            assert await questions.answer(topics.CENTRAL_BOUNDS, {}) == (1, 30)
    require_equal(postgresql, centre, 1, file)


@in_loop
async def test_killing_the_bus_while_it_copies_leaves_no_gap_and_nothing_twice(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    broker = BrokerProcess(tmp_path, OET_DATABASE_URL=centre)
    copier = BrokerProcess(tmp_path, "central", OET_DATABASE_URL=centre)
    copier.start()
    await until((tmp_path / "metrics").exists)  # it has recovered
    broker.start()
    bus = Bus(str(tmp_path / "bus.sock"))
    try:
        client = await bus.client("me")
        sent: list[asyncio.Future[None]] = []
        for n in range(2):
            sent += client.send([said(client, 1000 * n + i) for i in range(1000)])
            # Each time somewhere else in the middle of it.
            await until(lambda n=n: postgresql.sql(centre, _COUNT)[0][0] > 700 * n)
            for process in (broker, copier)[: n + 1]:
                process.kill()
            await until(lambda: not client.connected)
            broker.start()
            if n:
                copier.start()
            await client.reached()
        await asyncio.gather(*sent)
        await until(lambda: postgresql.sql(centre, _COUNT)[0][0] == 2000)
        require_equal(postgresql, centre, 1, tmp_path / "journal.db")
    finally:
        await bus.close()
        broker.kill()
        copier.kill()


_COUNT = "SELECT count(*) FROM oet_messages"


@in_loop
async def test_what_the_database_cannot_hold_stands_in_the_way_of_nothing_else(
    tmp_path: Path, postgresql: PostgreSQL, centre: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "journal.db"
    with opened(file) as journal:
        write(journal, 5)
        sample.sql(file, "UPDATE messages SET time = 'soon' WHERE seq = 2")
        sample.sql(file, "UPDATE messages SET request_id = 'a' || char(0) || 'b' WHERE seq = 4")
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    found = postgresql.sql(centre, "SELECT seq, request_id FROM oet_messages ORDER BY seq")
    assert found == [(1, None), (3, None), (4, "a\N{REPLACEMENT CHARACTER}b"), (5, None)]
    assert len(_lines(caplog, "Skipped message 2: the central history cannot hold it: ")) == 1


@in_loop
async def test_a_message_that_lists_cannot_show_is_copied_all_the_same(
    tmp_path: Path, postgresql: PostgreSQL, centre: str, caplog: pytest.LogCaptureFixture
) -> None:
    # SQLite takes true for a number, PostgreSQL does not.
    odd = {"pid": True, "new_state": "READY"}
    about: dict[str, Any] = {"topic": topics.STATE_CHANGED, "msg_src": "SESWorker", "time": 1.5}
    with opened(tmp_path / "journal.db") as journal:
        write(journal, 2)
        journal.append([Envelope(id="odd", seq=3, payload=odd, **about)])
        write(journal, 2)
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    assert postgresql.sql(centre, "SELECT seq FROM oet_messages ORDER BY seq") == [(n,) for n in range(1, 6)]
    assert len(_lines(caplog, "Message 3 is not in the lists of the central history, ")) == 1


@in_loop
async def test_a_subarray_of_a_script_that_is_no_number_is_copied_and_not_shown(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    about: dict[str, Any] = {"topic": "telescope.obs_state", "msg_src": "1", "time": 1.5}
    with opened(tmp_path / "journal.db") as journal:
        for n, subarray in enumerate((True, 1.0, "1", None, 2), 1):
            state = {"subarray_id": subarray, "obs_state": "IDLE"}
            journal.append([Envelope(id=f"run-1-{n}", seq=n, payload=state, **about)])
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    shown = "SELECT id FROM oet_documents WHERE kind = 'subarray'"
    assert postgresql.sql(centre, _COUNT) == [(5,)]
    assert postgresql.sql(centre, shown) == [(2,)]


@in_loop
async def test_a_mistake_in_copying_does_not_end_it(
    file: Path, postgresql: PostgreSQL, centre: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(file) as journal:
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
            mistakes = [ValueError("a mistake"), ValueError("a mistake"), KeyError("another")]
            page = copier._replication.page

            def breaks() -> int:
                if mistakes:
                    raise mistakes.pop(0)
                return page()

            copier._replication.page = breaks  # type: ignore[method-assign]
            write(journal, 5)
            await until(lambda: not mistakes)
            await up_to_date(copier)
    require_equal(postgresql, centre, 1, file)
    assert len(_lines(caplog, "Copying to the central history failed")) == 2


@in_loop
async def test_with_so_many_writers_that_it_never_rests_it_is_up_to_date_all_the_same(
    file: Path, centre: str
) -> None:
    with opened(file) as journal:
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
            page = copier._replication.page

            def busy() -> int:
                write(journal, 1)
                return page()

            copier._replication.page = busy  # type: ignore[method-assign]
            copier._failed(TimeoutError("for a while"))
            await until(lambda: copier.trouble is None)


_EMPTYING = {
    "emptied": "DELETE FROM oet_{}",
    "without its messages": "DELETE FROM oet_messages",
    "without its last messages": "DELETE FROM oet_messages WHERE seq > 20",
    "dropped": "DROP TABLE oet_{}",
}


@pytest.mark.parametrize("how", _EMPTYING)
@in_loop
async def test_a_history_that_is_emptied_under_a_connection_is_copied_again_from_the_beginning(
    file: Path, postgresql: PostgreSQL, centre: str, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    with opened(file) as journal:
        async with replicating(journal, centre) as (copier, _):
            write(journal, 5)
            await up_to_date(copier)
            tables = ("messages", "procedures", "documents", "audit", "instances", "head", "version")
            statement = _EMPTYING[how]
            if how == "emptied":
                tables = tables[:4]
            names = tables if "{}" in statement else ("",)
            postgresql.sql(centre, "; ".join(statement.format(name) for name in names))
            if how == "dropped":  # another server makes them anew, before this one looks
                with opened(file.parent / "other.db") as other:
                    async with replicating(other, centre, 2) as (second, _):
                        write(other, 3)
                        await up_to_date(second)
            write(journal, 1)
            await until(lambda: copier.waiting == 0 and postgresql.sql(centre, _FIRST)[0][0] == 1)
            await up_to_date(copier)
            require_equal(postgresql, centre, 1, file)


_FIRST = "SELECT min(seq) FROM oet_messages WHERE subarray = 1"


@in_loop
async def test_a_history_without_its_beginning_is_told_of(
    file: Path, postgresql: PostgreSQL, centre: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(file) as journal:
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
        postgresql.sql(centre, "DELETE FROM oet_messages WHERE seq < 80")
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
            said = "The central history of subarray 1 lacks the messages before 80, and the journal"
            assert len(_lines(caplog, said)) == 1
            postgresql.sql(centre, "DELETE FROM oet_messages WHERE subarray = 1")
            await until(lambda: postgresql.sql(centre, _FIRST)[0][0] == 1)
            await up_to_date(copier)
    require_equal(postgresql, centre, 1, file)


# -- fetching ------------------------------------------------------------------------------------


@in_loop
async def test_an_empty_journal_becomes_what_the_central_history_is(
    file: Path, tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(file) as journal:
        write(journal, 600)
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    new = tmp_path / "new.db"
    with opened(new) as journal:
        async with replicating(journal, centre) as (copier, _):
            require_equal(postgresql, centre, 1, new)
            assert (journal.first(), journal.head()) == (1, 685)
            write(journal, 3)
            await up_to_date(copier)
    require_equal(postgresql, centre, 1, new)


@in_loop
async def test_of_a_long_history_only_what_would_be_kept_is_fetched(
    tmp_path: Path, centre: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    with opened(tmp_path / "journal.db") as journal:
        history = History(journal)
        history.run(1, 1, until=2)
        history.run(2, 3)
        history.say(4, "operator.override.state", payload={"wait_for_qa_ready": False, "override": None})
        history.activity(1, ("REQUESTED", 5), ("COMPLETE", 5))
        history.activity(2, ("REQUESTED", 5), ("PREPARED", 5))
        history.audit(6)
        history.run(3, 6, until=950)
        history.run(4, 940, until=950)
        history.activity(3, ("REQUESTED", 950), ("COMPLETE", 950))
        history.activity(4, ("REQUESTED", 950), ("COMPLETE", 950))
        history.audit(960)
        before = {e.seq: (e.about, e.time) for e in journal.read(_everything())}
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    with opened(tmp_path / "new.db") as journal:
        async with replicating(journal, centre, days=100, newest=1):
            young = min(seq for seq, (_, at) in before.items() if at > 900 * 86400)
            kept = [seq for seq, (about, _) in before.items() if seq >= young or about in (2, 4)]
            assert [e.seq for e in journal.read(_everything())] == kept
            assert journal.first() == young
            assert [found["id"] for found in journal.procedures()] == [4, 3, 2]
            assert [found["id"] for found in journal.documents(kind="activity")] == [4, 3, 2]
            assert len(journal.documents(kind="operator")) == 1
            assert [entry["time"] for entry in journal.audit()] == [960 * 86400]


def _everything() -> Query:
    return Query(limit=10**6)


@in_loop
async def test_what_came_after_a_backup_is_fetched_when_that_is_restored(
    file: Path, tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(file) as journal:
        backup = copies.backup(str(file))
        write(journal, 1200)
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    copies.restore(backup, str(file), 1)
    with opened(file) as journal:
        assert journal.head() == 85
        async with replicating(journal, centre) as (copier, _):
            assert journal.head() == 1285
            write(journal, 1)
            await up_to_date(copier)
    require_equal(postgresql, centre, 1, file)
    assert not copies.is_restored(str(file))


@pytest.mark.parametrize("what", ["empty", "restored"])
@in_loop
async def test_where_numbers_could_be_given_again_the_database_is_waited_for(
    tmp_path: Path, postgresql: PostgreSQL, centre: str, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    file = tmp_path / "journal.db"
    with opened(file) as journal:
        write(journal, 20)
        backup = copies.backup(str(file))
        write(journal, 20)
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    file.unlink()
    if what == "restored":
        copies.restore(backup, str(file), 1)
    postgresql.kill()
    try:
        with opened(file) as journal:
            copier, questions = central(centre, journal)
            beginning = asyncio.create_task(copier.recover(Recovery(journal.file, days=1, newest=1)))
            await until(lambda: _lines(caplog, "Not accepting work yet: waiting for the central history ("))
            assert not beginning.done()
            postgresql.start()
            await beginning
            assert journal.head() == 40
            questions.close()
            await asyncio.to_thread(copier._replication.end)
    finally:
        if postgresql.process is not None and postgresql.process.poll() is not None:
            postgresql.start()


@in_loop
async def test_a_journal_with_history_does_not_wait_for_the_database(
    file: Path, postgresql: PostgreSQL, centre: str
) -> None:
    postgresql.kill()
    try:
        with opened(file) as journal:
            async with replicating(journal, centre) as (copier, _):
                assert copier.trouble
                assert copier.copied() == 0
                postgresql.start()
                await up_to_date(copier)
    finally:
        if postgresql.process is not None and postgresql.process.poll() is not None:
            postgresql.start()
    require_equal(postgresql, centre, 1, file)


@in_loop
async def test_a_start_beside_a_database_that_does_not_answer_says_so(
    file: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(file) as journal:
        copier, questions = central(centre, journal)
        with postgresql.frozen():
            await copier.recover(Recovery(journal.file, days=1, newest=1), patience=0.3)
            assert copier.trouble == "no answer within 0.3 s"
        await asyncio.to_thread(copier._thread.shutdown)
        copier._replication.end()
        questions.close()


@in_loop
async def test_documents_whose_messages_are_gone_get_there_as_well(
    file: Path, tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(file) as journal:
        for statement in ("DELETE FROM messages WHERE seq < 60", "DELETE FROM audit WHERE seq < 60"):
            sample.sql(file, statement)
        async with replicating(journal, centre) as (copier, questions):
            await up_to_date(copier)
            require_equal(postgresql, centre, 1, file)
            write(journal, 1)
            await up_to_date(copier)
            found = await questions.answer(topics.CENTRAL_PROCEDURES, {})
            assert sorted(document["id"] for document in found) == [1, 2, 3, 4]
    require_equal(postgresql, centre, 1, file)


# -- one history, one server ---------------------------------------------------------------------


@in_loop
async def test_a_second_server_for_the_same_subarray_is_refused_and_writes_nothing(
    file: Path, tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(file) as first, opened(tmp_path / "second.db") as second:
        async with replicating(first, centre) as (copier, _):
            await up_to_date(copier)
            with pytest.raises(Claimed, match="another server, on .* writes the history of subarray 1 in"):
                async with replicating(second, centre):
                    pass
            assert second.head() == 0
            require_equal(postgresql, centre, 1, file)
        async with replicating(second, centre):  # the first one is gone: this one takes its place
            assert second.head() == first.head()


@in_loop
async def test_two_histories_that_went_different_ways_are_never_mixed(
    file: Path, tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    other = shutil.copy(file, tmp_path / "other.db")
    with opened(file) as journal:
        write(journal, 10)
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
    with opened(Path(other)) as journal:
        known = {"topic": "user.other", "msg_src": "1", "time": 1.0, "payload": {}}
        journal.append([Envelope(id=f"other-{n}", seq=n, **known) for n in range(86, 106)])
        async with replicating(journal, centre) as (copier, questions):
            await until(lambda: "have gone different ways" in str(copier.trouble))
            write(journal, 1)
            assert copier.copied() == 0
            assert "nothing is copied" in str(copier.health())
    require_equal(postgresql, centre, 1, file)


@in_loop
async def test_an_empty_journal_does_not_begin_beside_a_history_of_a_later_release(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(tmp_path / "a.db") as journal:
        async with replicating(journal, centre):
            pass
    postgresql.sql(centre, "UPDATE oet_version SET version_num = '9999'")
    with opened(tmp_path / "b.db") as journal:
        with pytest.raises(Disagreement, match="the central history has schema 9999"):
            async with replicating(journal, centre):
                pass
    with opened(tmp_path / "a.db") as journal:
        write(journal, 1)
        async with replicating(journal, centre) as (copier, _):
            assert "has schema 9999" in str(copier.trouble)


@in_loop
async def test_a_connection_that_an_earlier_process_left_behind_is_waited_for(
    file: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with opened(file) as journal:
        async with replicating(journal, centre) as (copier, _):
            await up_to_date(copier)
        with postgresql.connect(centre) as left_behind:
            left_behind.execute(f"SELECT pg_advisory_lock({LOCKS}, 1)".encode())
            async with replicating(journal, centre) as (copier, _):
                assert "is still open there; if it is not that of an earlier process" in str(copier.trouble)
                left_behind.close()
                await up_to_date(copier)


@in_loop
async def test_a_journal_that_is_fetched_goes_on_with_the_same_chain_of_its_audit(
    tmp_path: Path, centre: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, what is young only, what came after a backup, and all but the audit."""
    monkeypatch.setattr("time.time", lambda: NOW)
    heads = []
    with contextlib.closing(Audited(tmp_path / "journal.db")) as first:
        first.day(NOW - 200 * 86400)
        copies.backup(str(first.file), str(tmp_path / "backup.db"))
        first.day(NOW - 150 * 86400)
        for _ in range(3):
            first.say("user.script.announce", NOW - 86400)
        heads.append(first.client().head)
        async with replicating(first.journal, centre) as (copier, _):
            await up_to_date(copier)
    shutil.copy(tmp_path / "backup.db", tmp_path / "restored.db")
    rounds = (("last", 1, 19), ("all", 36500, 0), ("restored", 36500, 0), ("young", 170, 10))
    for name, days, anchor in rounds:
        with contextlib.closing(Audited(tmp_path / f"{name}.db")) as fetched:
            async with replicating(fetched.journal, centre, days=days) as (copier, _):
                found = fetched.client(heads[-1])
                assert found.unbroken, (name, found)
                assert fetched.server.verdict(0, 5000)["unbroken"], name
                assert found.removed == anchor, name
                fetched.command(NOW - 60)
                await up_to_date(copier)
            found = fetched.client(heads[-1])
            assert found.unbroken, (name, found)
            heads.append(found.head)

"""Nothing of the audit can be changed, added, moved or removed without being found, by server and client."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ska_oso_oet.journal import Journal
from ska_oso_oet.journal import backup as copies
from ska_oso_oet.journal.retention import Retention

from ..support import sample
from .audited import NOW, Audited

DAY = 86400.0


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Audited]:
    found = Audited(tmp_path / "journal.db")
    found.day()
    yield found
    found.close()


def _both(audited: Audited) -> tuple[str | None, str | None]:
    """What is wrong, in the words of the server and of the client."""
    server, client = audited.server.verdict(0, 5000), audited.client()
    assert server["unbroken"] is (server["broken"] is None)
    assert (server["broken"] is None) == (client.broken is None), (server, client)
    if server["broken"] is None:
        last = server["last"] or server["anchor"]
        assert (server["records"], last["hash"]) == (client.records, client.last.hash)
    return (
        server["broken"] and server["broken"]["detail"],
        client.broken.detail if client.broken is not None else None,
    )


def test_each_record_has_its_number_and_the_hash_of_the_one_before_it(audited: Audited) -> None:
    found = audited.server.records(0, 200)
    assert [record["n"] for record in found["records"]] == list(range(1, 11))
    previous = "0" * 64
    for record in found["records"]:
        assert record["previous"] == previous
        plain = {name: value for name, value in record.items() if name != "hash"}
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert record["hash"] == previous
    assert found["head"] == {"n": 10, "hash": previous, "id": found["records"][-1]["id"]}
    assert (found["anchor"]["n"], found["older"]) == (0, 0)
    assert _both(audited) == (None, None)


def test_nothing_is_found_where_there_is_nothing(tmp_path: Path) -> None:
    empty = Audited(tmp_path / "journal.db")
    assert _both(empty) == (None, None)
    empty.say("user.script.announce", msg="x")
    assert _both(empty) == (None, None)
    assert empty.client().records == 0
    empty.close()


COMMAND = "topic = 'audit.command'"
TAMPERING = {
    "a word is changed": ["UPDATE messages SET body = replace(body, 'STOPPED', 'RUNNING') WHERE seq = 4"],
    "the user is changed": ["UPDATE messages SET body = replace(body, '\"jo\"', '\"al\"') WHERE seq = 4"],
    "a time is changed": ["UPDATE messages SET body = replace(body, '1795000000.0', '1.0') WHERE seq = 4"],
    "an answer is changed": ["UPDATE messages SET body = replace(body, '409', '200') WHERE seq = 6"],
    "a body is no message": ["UPDATE messages SET body = '{' WHERE seq = 4"],
    "a body is a list": ["UPDATE messages SET body = '[]' WHERE seq = 4"],
    "the first is removed": ["DELETE FROM messages WHERE seq = 1", "DELETE FROM audit WHERE seq = 1"],
    "one is removed": ["DELETE FROM messages WHERE seq = 4", "DELETE FROM audit WHERE seq = 4"],
    "an answer is removed": ["DELETE FROM messages WHERE seq = 6"],
    "the last are removed": ["DELETE FROM messages WHERE seq > 11", "DELETE FROM audit WHERE seq > 11"],
    "all are removed": ["DELETE FROM messages WHERE topic <> 'user.script.announce'", "DELETE FROM audit"],
    "one is hidden under another topic": ["UPDATE messages SET topic = 'user.x' WHERE seq = 4"],
    "two change places": [
        "UPDATE messages SET seq = 99 WHERE seq = 4",
        "UPDATE messages SET seq = 4 WHERE seq = 12",
        "UPDATE messages SET seq = 12 WHERE seq = 99",
    ],
    "one is repeated": [
        "INSERT INTO messages SELECT 90, 'x', topic, about, 'y', time, body FROM messages WHERE seq = 1"
    ],
    "one is added without a place": [
        "INSERT INTO messages SELECT 90, 'x', topic, about, 'y', time, "
        "replace(body, '\"link\"', '\"kink\"') FROM messages WHERE seq = 1"
    ],
    "one is added between": [
        "DELETE FROM messages WHERE seq = 5",
        "INSERT INTO messages SELECT 5, 'x', topic, about, 'y', time, body FROM messages WHERE seq = 4",
    ],
    "the list shows another user": ["UPDATE audit SET user = 'al' WHERE seq = 4"],
    "the list shows another time": ["UPDATE audit SET time = time - 1 WHERE seq = 4"],
    "the list shows another answer": ["UPDATE audit SET status = 200 WHERE status = 409"],
    "the list shows no answer": ["UPDATE audit SET status = NULL, detail = NULL WHERE status = 409"],
    "the list shows an answer where none was": ["UPDATE audit SET status = 200 WHERE status IS NULL"],
    "the list shows another refusal": ["UPDATE audit SET detail = 'perhaps' WHERE status = 401"],
    "the list leaves one out": ["DELETE FROM audit WHERE seq = 4"],
    "the list leaves the last one out": ["DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"],
    "the list has one more": ["INSERT INTO audit (seq, id, time, method, path) VALUES (5, 'x', 1, 'P', '/')"],
    "the list has one more at the end": [
        "INSERT INTO audit (seq, id, time, method, path) VALUES (99, 'x', 1, 'P', '/')"
    ],
    "where it ends is forgotten": ["DELETE FROM notes WHERE name = 'audit_head'"],
    "where it begins is another place": [
        "INSERT INTO notes SELECT 'audit_anchor', json_object('n', 1, 'hash', "
        "json_extract(body, '$.link.hash'), 'id', 1) FROM messages WHERE seq = 1"
    ],
}


@pytest.mark.parametrize("statements", TAMPERING.values(), ids=TAMPERING)
def test_whatever_is_done_to_the_file_is_found(audited: Audited, statements: list[str]) -> None:
    audited.change(*statements)
    server, client = audited.server.verdict(0, 5000), audited.client()
    assert server["broken"] is not None
    if "audit_" not in statements[0]:  # a client is given what comes behind the beginning only
        assert client.broken is not None
        assert (server["broken"]["n"], server["broken"]["id"]) == (client.broken.n, client.broken.id)
        assert server["records"] == client.records
    audited.restart()
    audited.command()
    assert audited.server.verdict(0, 5000)["broken"] is not None  # what is written later covers nothing up


def test_the_first_broken_place_is_named(audited: Audited) -> None:
    audited.change("UPDATE messages SET body = replace(body, '401', '200') WHERE seq = 12")
    assert _both(audited) == ("record 8 was changed after it was written",) * 2
    audited.change(*TAMPERING["one is removed"])
    assert _both(audited) == ("record 3 is missing",) * 2
    audited.change(*TAMPERING["the first is removed"], "DELETE FROM messages WHERE seq = 3")
    assert _both(audited) == ("records 1 to 3 are missing",) * 2


def test_who_writes_the_whole_chain_anew_is_found_by_the_head_that_was_noted_and_by_nothing_else(
    audited: Audited, tmp_path: Path
) -> None:
    noted = audited.client().head
    assert audited.client(noted).unbroken
    forged = Audited(tmp_path / "forged.db")
    forged.day()
    assert _both(forged) == (None, None)
    found = forged.client(noted)
    assert found.broken is not None
    assert "no record has the hash that was noted" in found.broken.detail
    forged.close()
    audited.day()
    for head in (noted, noted.partition(":")[2]):
        assert audited.client(head).unbroken
    assert audited.client(f"9:{noted.partition(':')[2]}").broken is not None


def test_the_chain_goes_on_in_another_process_and_whatever_clocks_say(audited: Audited) -> None:
    for at in (NOW + DAY, NOW - 400 * DAY, 0.0, NOW):
        audited.restart()
        audited.day(at)
    assert audited.client().records == 50
    assert _both(audited) == (None, None)


def test_of_two_who_write_only_one_can(audited: Audited) -> None:
    other = Audited(audited.file)
    mine, theirs = (
        writer.envelope("auth.refused", status=401, why="x", method="GET", path="/")
        for writer in (audited, other)
    )
    audited.journal.append([mine])
    with pytest.raises(sa.exc.IntegrityError):
        other.journal.append([theirs])
    other.day()
    audited.day()
    assert audited.client().records == 31
    assert _both(audited) == (None, None)
    other.close()


def test_what_could_not_be_written_leaves_no_gap(audited: Audited) -> None:
    said = audited.envelope("auth.refused", status=401, why="x", method="GET", path="/")
    unknown = dataclasses.replace(said, id="x", seq=(said.seq or 0) + 1, payload={"status": object})
    with pytest.raises(TypeError):
        audited.journal.append([said, unknown])
    audited.day()
    assert audited.client().records == 20
    assert _both(audited) == (None, None)


def test_nobody_on_the_bus_can_give_a_record_its_place(audited: Audited) -> None:
    said = audited.envelope("auth.refused", status=401, why="x", method="GET", path="/")
    audited.journal.append([dataclasses.replace(said, link={"n": 1, "previous": "0" * 64, "hash": "x"})])
    assert audited.client().records == 11
    assert _both(audited) == (None, None)


def test_records_that_were_too_old_are_missed_by_nobody(audited: Audited) -> None:
    audited.day(NOW + 100 * DAY)
    noted = audited.client().head
    retention = Retention(audited.journal, 50, 10)
    asyncio.run(retention.carry_out(retention.plan(NOW + 101 * DAY)))
    assert _both(audited) == (None, None)
    found = audited.client(noted)
    assert (found.records, found.removed, found.first and found.first.n) == (10, 10, 11)
    audited.restart()
    retention = Retention(audited.journal, 50, 10)
    asyncio.run(retention.carry_out(retention.plan(NOW + 300 * DAY)))
    audited.day(NOW + 300 * DAY)
    assert _both(audited) == (None, None)
    found = audited.client(noted)
    assert found.unbroken  # the chain goes on behind that very record
    assert found.records > 0
    audited.day(NOW + 900 * DAY)
    asyncio.run(retention.carry_out(retention.plan(NOW + 900 * DAY)))
    assert _both(audited) == (None, None)
    found = audited.client(noted)
    assert found.broken is not None
    assert "record 20 was removed because of its age" in found.broken.detail


def test_the_beginning_cannot_be_cut_off_as_if_it_were_too_old(audited: Audited) -> None:
    audited.change("DELETE FROM messages WHERE seq < 7", "DELETE FROM audit WHERE seq < 7")
    assert _both(audited) == ("records 1 to 4 are missing",) * 2


def test_what_was_written_before_there_was_a_chain_is_told_and_the_chain_begins_behind_it(
    tmp_path: Path,
) -> None:
    file = sample.make(tmp_path / "journal.db")
    audited = Audited(file)
    assert _both(audited) == (None, None)
    audited.day()
    found = audited.client()
    assert (found.records, found.older > 0, found.removed) == (10, True, 0)
    assert _both(audited) == (None, None)
    audited.change(
        "UPDATE messages SET body = replace(body, '\"n\":1,', '\"m\":1,') WHERE body LIKE '%\"n\":1,%'"
    )
    assert all(_both(audited))
    audited.close()


def test_a_backup_that_is_restored_goes_on_with_its_own_chain(audited: Audited, tmp_path: Path) -> None:
    backup = str(tmp_path / "a.bak")
    before = audited.client().head
    copies.copy(str(audited.file), backup)
    audited.day()
    lost = audited.client().head
    audited.close()
    copies.restore(backup, str(audited.file), 1)
    audited.journal = Journal(f"sqlite:///{audited.file}")
    audited.day()
    assert _both(audited) == (None, None)
    assert audited.client(before).unbroken
    assert not audited.client(lost).unbroken  # and who has noted a later head learns of it


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.randoms(use_true_random=False))
def test_no_letter_of_any_record_can_be_changed(audited: Audited, seed: st.DataObject) -> None:
    random = seed
    database = sqlite3.connect(audited.file, timeout=20)
    rows = database.execute("SELECT seq, body FROM messages WHERE topic <> 'user.script.announce'").fetchall()
    seq, body = random.choice(rows)  # type: ignore[attr-defined]
    at = random.randrange(len(body))  # type: ignore[attr-defined]
    letter = random.choice([c for c in 'x7 "}' if c != body[at]])  # type: ignore[attr-defined]
    changed = body[:at] + letter + body[at + 1 :]
    with database:
        database.execute("UPDATE messages SET body = ? WHERE seq = ?", (changed, seq))
    try:
        found = _both(audited)
    finally:
        with database:
            database.execute("UPDATE messages SET body = ? WHERE seq = ?", (body, seq))
        database.close()
    assert all(found) or _says_the_same(body, changed)


def _says_the_same(one: str, other: str) -> bool:
    """Whether only what is not of the record was changed: a blank, or a field that says nothing."""
    try:
        first, second = json.loads(one), json.loads(other)
    except ValueError:
        return False
    names = ("id", "time", "topic", "msg_src", "request_id", "user", "payload", "link")
    return all(first.get(name) == second.get(name) for name in names)


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_the_server_looks_at_some_at_a_time(audited: Audited, limit: int) -> None:
    after, count = 0, 0
    while True:
        found = audited.server.verdict(after, limit)
        assert found["unbroken"]
        count += found["records"]
        if found["complete"]:
            break
        after = found["last"]["id"]
    assert count == 10
    audited.change("DELETE FROM messages WHERE seq = 4")
    assert audited.server.verdict(3, limit)["broken"]["detail"] == "record 3 is missing"

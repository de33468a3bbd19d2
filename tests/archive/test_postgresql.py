"""The archive in the ODA's own database: layouts, statuses, and what goes wrong."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.activities.archive.tables import skuid_number
from ska_oso_oet.domain.errors import ArchiveAway, Conflict, Invalid

from ..support.oda_database import UNTIL_7, UNTIL_12, OdaDatabase, since_18
from ..support.postgresql import PASSWORD, PostgreSQL, shared
from .entities import SBD_ID, InDatabase, InFolder, eb, opened, sbd, sbi

LAYOUTS = pytest.mark.parametrize("layout", [UNTIL_12, since_18("text")], ids=["until-12", "since-18"])
ANY = ("any",)


@pytest.fixture(scope="module")
def own() -> Iterator[PostgreSQL]:
    """A server that a test may kill."""
    server = PostgreSQL().start()
    yield server
    server.close()


@LAYOUTS
def test_a_block_that_is_a_draft_is_not_observed(layout: str) -> None:
    database = OdaDatabase(shared(), layout)
    database.add(sbd(), status="Draft")
    with pytest.raises(
        Conflict, match=f"scheduling block {SBD_ID} is 'Draft' in the archive .* OET_ODA_STATUSES"
    ):
        opened(database.url, statuses=("Ready",)).scheduling_block(SBD_ID)
    assert opened(database.url, statuses=ANY).scheduling_block(SBD_ID) == sbd()


def test_the_layout_from_before_statuses_has_those_of_instances_kept_here(tmp_path: Path) -> None:
    database = OdaDatabase(shared(), UNTIL_7)
    database.add(sbd())
    archive = opened(database.url, here=tmp_path, statuses=("Ready",))
    assert archive.scheduling_block(SBD_ID) == sbd()
    archive.store_instance(sbi())
    archive.record_status("sbi-1", "Executing")
    archive.record_execution_block(eb(2, "Observed"))
    assert database.instances() == {"sbi-1": sbi()}
    assert InFolder(tmp_path).statuses("sbi-1") == [("Created", "Executing")]
    assert InFolder(tmp_path).execution_block()["status"] == "Observed"
    assert len(database.execution_block()["request_responses"]) == 2


def test_ids_that_are_numbers_are_those_in_skuids(tmp_path: Path) -> None:
    database = OdaDatabase(shared(), since_18("bigint"))
    sbd_id, sbi_id, eb_id = "sbd-6txs9jhxnk7", "sbi-0123456789ab", "eb-986-20260218-6txs9jhxnk8"
    database.add(sbd(sbd_id=sbd_id), key=skuid_number(sbd_id))
    kept = InDatabase(database, tmp_path)
    assert kept.archive.scheduling_block(sbd_id) == sbd(sbd_id=sbd_id)
    kept.archive.store_instance(sbi(sbi_id, sbd_ref=sbd_id))
    kept.archive.record_status(sbi_id, "Executing")
    kept.archive.record_execution_block(eb(2, "Observed", eb_id, sbi_ref=sbi_id))
    assert kept.statuses(sbi_id) == [("Created", "Executing")]
    assert kept.execution_block(eb_id)["status"] == "Observed"
    parents = "SELECT b.sbi_fk = i.id, i.parent_fk = d.id FROM execution.execution_blocks AS b, "
    tables = "execution.sb_instances AS i, project.sb_definitions AS d"
    assert database.server.sql(database.address, parents + tables) == [(True, True)]
    with pytest.raises(Invalid, match="the id sbi-own is no SKUID"):
        kept.archive.store_instance(sbi("sbi-own", sbd_ref=sbd_id))


@pytest.mark.parametrize(
    ("identifier", "number"),
    [("sbd-z", 31), ("eb-986-20260218-10", 32), ("a", 10), ("sbd-mvp01-il", None), ("x-" + "z" * 13, None)],
)
def test_a_skuid_ends_with_a_number(identifier: str, number: int | None) -> None:
    assert skuid_number(identifier) == number


def test_a_database_that_is_no_archive_is_told() -> None:
    with pytest.raises(ArchiveAway, match="has neither project.sb_definitions nor tab_oda_sbd; check that"):
        opened(OdaDatabase(shared(), "SELECT 1").url).scheduling_block(SBD_ID)


def test_a_table_that_is_missing_is_told() -> None:
    database = OdaDatabase(shared(), UNTIL_12 + "DROP TABLE tab_oda_sbi;")
    with pytest.raises(
        ArchiveAway, match="there is no table tab_oda_sbi, or this user may not read it; check"
    ):
        opened(database.url).store_instance(sbi())


def test_an_archive_that_was_migrated_meanwhile_is_looked_at_again() -> None:
    database = OdaDatabase(shared(), UNTIL_12)
    database.add(sbd())
    archive = opened(database.url)
    assert archive.scheduling_block(SBD_ID) == sbd()
    database._sql("DROP TABLE tab_oda_sbd; " + since_18("text"))
    database.new = True
    database.add(sbd(2))
    with pytest.raises(ArchiveAway):
        archive.scheduling_block(SBD_ID)
    assert archive.scheduling_block(SBD_ID) == sbd(2)


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        (
            "oet:",
            "oet:hunter2x",
            "password authentication failed .* check the user and password in OET_ODA_URL",
        ),
        ("//oet:", "//nobody:", "password authentication failed .* PGUSER and PGPASSWORD$"),
        ("?host", "_not_there?host", "does not exist; check the database in OET_ODA_URL, or PGDATABASE$"),
        ("?host=", "?host=/nowhere", "No such file or directory.*; try again shortly"),
    ],
)
def test_what_cannot_be_reached_says_what_to_check(right: str, wrong: str, sentence: str) -> None:
    url = OdaDatabase(shared(), UNTIL_12).url
    with pytest.raises(ArchiveAway, match=sentence) as refused:
        opened(url.replace(right, wrong)).scheduling_block(SBD_ID)
    shown = "".join(traceback.format_exception(refused.value))
    assert PASSWORD not in shown
    assert "hunter2" not in shown


def test_a_user_without_rights_is_told() -> None:
    database = OdaDatabase(shared(), UNTIL_12)
    database._sql("DROP ROLE IF EXISTS reader; ")
    database._sql("CREATE ROLE reader LOGIN PASSWORD 'hunter2'")
    database._sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    host = database.url.partition("@")[2]
    try:
        with pytest.raises(ArchiveAway, match="permission denied for table tab_oda_sbi; grant this user"):
            opened(f"postgresql://reader:hunter2@{host}").store_instance(sbi())
    finally:
        database._sql("DROP OWNED BY reader")
        database._sql("DROP ROLE reader")


def test_what_the_database_cannot_hold_is_refused(tmp_path: Path) -> None:
    kept = InDatabase(OdaDatabase(shared(), UNTIL_12), tmp_path)
    with pytest.raises(Invalid, match="cannot be stored as JSON in the archive"):
        kept.archive.store_instance(sbi(note="a\0b"))
    assert kept.instances() == {}


def test_a_block_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from ska_oso_oet.activities.archive import layouts

    monkeypatch.setattr(layouts, "LARGEST", 2**20)
    database = OdaDatabase(shared(), UNTIL_12)
    database.add(sbd(note="x" * 2**20))
    with pytest.raises(Invalid, match="a document is larger than 1 MiB"):
        opened(database.url).scheduling_block(SBD_ID)


@LAYOUTS
def test_a_server_that_is_suspended_is_given_up_at_the_deadline(own: PostgreSQL, layout: str) -> None:
    database = OdaDatabase(own, layout)
    archive = opened(database.url, 2.0)
    with own.frozen():
        begun = time.monotonic()
        with pytest.raises(ArchiveAway, match="(did not answer within 2 s|cannot be reached)"):
            archive.scheduling_block(SBD_ID)
        assert time.monotonic() - begun < 5


@LAYOUTS
def test_a_lock_that_somebody_holds_is_waited_for_until_the_deadline(layout: str) -> None:
    database = OdaDatabase(shared(), layout)
    table = "execution.sb_instances" if database.new else "tab_oda_sbi"
    with database.server.connect(database.address) as other, other.transaction():
        other.execute(f"LOCK TABLE {table}".encode())
        with pytest.raises(ArchiveAway, match="(takes too long|did not answer within)"):
            opened(database.url, 1.0).store_instance(sbi())
    assert database.instances() == {}


@LAYOUTS
def test_a_server_that_was_killed_is_found_again(own: PostgreSQL, layout: str, tmp_path: Path) -> None:
    kept = InDatabase(OdaDatabase(own, layout), tmp_path)
    kept.archive.store_instance(sbi())
    own.kill()
    calls: list[Any] = [
        lambda: kept.archive.scheduling_block(SBD_ID),
        lambda: kept.archive.record_status("sbi-1", "Executing"),
        lambda: kept.archive.record_execution_block(eb(1)),
    ]
    for call in calls:
        with pytest.raises(ArchiveAway, match="cannot be reached: .*; try again shortly"):
            call()
    own.start()
    for call in calls[1:]:
        call()
    assert kept.statuses("sbi-1") == [("Created", "Executing")]
    assert len(kept.execution_block()["request_responses"]) == 1


def test_a_change_is_made_whole_or_not_at_all() -> None:
    database = OdaDatabase(shared(), since_18("text"))
    database._sql("DELETE FROM status.valid_statuses WHERE status = 'Observed'")
    archive = opened(database.url)
    archive.store_instance(sbi())
    with pytest.raises(ArchiveAway, match="violates foreign key"):
        archive.record_execution_block(eb(1, "Observed"))
    assert database._sql("SELECT count(*) FROM execution.execution_blocks") == [(0,)]

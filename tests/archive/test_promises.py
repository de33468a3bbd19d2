"""What every archive does, whichever it is."""

from __future__ import annotations

import concurrent.futures
import threading
from typing import Any

import pytest

from ska_oso_oet.domain.errors import Conflict, Invalid, NotFound

from .entities import SBD_ID, eb, sbd, sbi


def test_the_newest_version_of_a_block_is_found(kept: Any) -> None:
    for version in (2, 10, 9):
        kept.add(sbd(version, note=f"version {version} äöü"))
    assert kept.archive.scheduling_block(SBD_ID) == sbd(10, note="version 10 äöü")


def test_a_version_that_is_not_there_is_named(kept: Any) -> None:
    kept.add(sbd(2))
    with pytest.raises(NotFound) as refused:
        kept.archive.scheduling_block(SBD_ID, 7)
    assert refused.value.detail == (
        f"no version 7 of scheduling block {SBD_ID} in the archive {kept.archive.where}; check both, or "
        "leave out the version to observe the newest"
    )


def test_the_version_that_is_asked_for_is_found(kept: Any) -> None:
    for version in (1, 2, 3):
        kept.add(sbd(version, note=f"version {version}"))
    assert kept.archive.scheduling_block(SBD_ID, 2) == sbd(2, note="version 2")
    assert kept.archive.scheduling_block(SBD_ID, None) == sbd(3, note="version 3")


def test_a_block_that_is_not_there_is_named_with_its_archive(kept: Any) -> None:
    for _ in range(2):
        with pytest.raises(NotFound) as refused:
            kept.archive.scheduling_block("sbd-123")
        assert refused.value.detail == (
            f"no scheduling block sbd-123 in the archive {kept.archive.where}; "
            "check the ID, or store it there"
        )
        kept.add(sbd())


@pytest.mark.parametrize(
    "sbd_id",
    ["sbd-g5a6efea4ev", "sbi-mvp01-20200325-00001", "a b", "50%", "%2e%2e", "a?b=c#d", "äöü", "x;y", "+"],
)
def test_a_block_of_any_style_of_id_is_found(kept: Any, sbd_id: str) -> None:
    kept.add(sbd(sbd_id="another"), sbd_id)
    kept.add(sbd(sbd_id="decoy"))
    assert kept.archive.scheduling_block(sbd_id)["sbd_id"] == "another"


@pytest.mark.parametrize("sbd_id", ["", ".", "..", "../sbi", "a/b", "/etc", "a\0b", "a\nb"])
def test_an_id_that_would_lead_elsewhere_is_refused(kept: Any, sbd_id: str) -> None:
    with pytest.raises(Invalid, match="cannot be the id"):
        kept.archive.scheduling_block(sbd_id)


def test_an_id_longer_than_names_of_files_is_that_of_no_block(kept: Any) -> None:
    with pytest.raises(NotFound):
        kept.archive.scheduling_block("ä" * 200)


def test_an_instance_is_stored_once_however_often_it_is_sent(kept: Any) -> None:
    for _ in range(3):
        kept.archive.store_instance(sbi(note="äöü"))
    assert kept.instances() == {"sbi-1": sbi(note="äöü")}


def test_another_instance_of_the_same_id_is_refused_and_changes_nothing(kept: Any) -> None:
    kept.archive.store_instance(sbi())
    with pytest.raises(Conflict) as refused:
        kept.archive.store_instance(sbi(sbd_ref="sbd-2"))
    where = getattr(kept, "here", kept.archive.where)
    assert refused.value.detail == f"the archive {where} already has another SBInstance sbi-1; try again"
    assert kept.instances() == {"sbi-1": sbi()}


def test_an_instance_that_json_does_not_have_is_refused(kept: Any) -> None:
    with pytest.raises(Invalid, match="cannot be stored as JSON"):
        kept.archive.store_instance(sbi(activities=[float("nan")]))
    assert kept.instances() == {}


def test_statuses_follow_each_other_and_the_same_again_changes_nothing(kept: Any) -> None:
    kept.archive.store_instance(sbi())
    for status in ("Executing", "Executing", "Observed", "Observed"):
        kept.archive.record_status("sbi-1", status)
    assert kept.statuses("sbi-1") == [("Created", "Executing"), ("Executing", "Observed")]


def test_an_instance_may_fail_before_it_executes(kept: Any) -> None:
    kept.archive.store_instance(sbi())
    kept.archive.record_status("sbi-1", "Failed")
    assert kept.statuses("sbi-1") == [("Created", "Failed")]


def test_many_writers_at_once_lose_nothing(kept: Any) -> None:
    together = threading.Barrier(8)

    def write(number: int) -> None:
        together.wait(10)
        kept.archive.store_instance(sbi("sbi-shared"))
        kept.archive.store_instance(sbi(f"sbi-{number}"))
        kept.archive.record_status(f"sbi-{number}", "Executing")

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for writing in [threads.submit(write, number) for number in range(8)]:
            writing.result()
    assert set(kept.instances()) == {"sbi-shared", *(f"sbi-{number}" for number in range(8))}
    assert all(kept.statuses(f"sbi-{number}") == [("Created", "Executing")] for number in range(8))


def test_of_different_instances_sent_under_one_id_at_once_one_wins(kept: Any) -> None:
    together = threading.Barrier(8)

    def write(number: int) -> bool:
        together.wait(10)
        try:
            kept.archive.store_instance(sbi(sbd_version=number))
        except Conflict:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        won = [number for number, stored in enumerate(threads.map(write, range(8))) if stored]
    assert [kept.instances()["sbi-1"]["sbd_version"]] == won


def test_an_execution_block_grows_and_the_same_again_changes_nothing(kept: Any) -> None:
    kept.archive.store_instance(sbi())
    for commands, status in (
        (0, "Created"),
        (2, "Created"),
        (2, "Created"),
        (3, "Observed"),
        (3, "Observed"),
    ):
        kept.archive.record_execution_block(eb(commands, status))
        found = kept.execution_block()
        assert len(found["request_responses"]) == commands
        assert found["status"] == status
    assert found["request_responses"] == eb(3)["request_responses"]
    assert [found[name] for name in ("eb_id", "sbd_ref", "sbi_ref", "telescope")] == [
        *("eb-1", SBD_ID, "sbi-1", "ska_mid")
    ]


def test_an_execution_block_may_fail_before_its_first_command(kept: Any) -> None:
    kept.archive.store_instance(sbi())
    kept.archive.record_execution_block(eb(status="Failed"))
    assert kept.execution_block()["status"] == "Failed"

"""What every archive does, whichever it is; and how each of the two fails."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ska_oso_oet.activities.archive import Archive, exchange, open_archive
from ska_oso_oet.activities.archive.timely import Timely
from ska_oso_oet.domain.errors import ArchiveAway, Conflict, Invalid, NotFound

from ..unit.buses import in_loop, until
from .oda import KINDS, Oda, serving_oda

TIMEOUT = 10.0  #: of calls that are to succeed
SHORT = 0.4  #: of calls that are to be late
SBD_ID = "sbd-mvp01-20220923-00001"


def sbd(version: int = 1, sbd_id: str = SBD_ID, **fields: Any) -> dict[str, Any]:
    return {
        "sbd_id": sbd_id,
        "telescope": "ska_mid",
        "metadata": {"version": version},
        "activities": {},
    } | fields


def sbi(sbi_id: str = "sbi-1", **fields: Any) -> dict[str, Any]:
    return {
        "interface": "https://schema.skao.int/ska-oso-pdm-sbi/0.1",
        "sbi_id": sbi_id,
        "sbd_ref": SBD_ID,
        "sbd_version": 1,
        "telescope": "ska_mid",
        "activities": [{"activity_ref": "observe", "runtime_args": []}],
    } | fields


class InFolder:
    """A folder archive, and what lies in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = open_archive(folder.as_uri(), TIMEOUT)

    def add(self, document: dict[str, Any], sbd_id: str | None = None) -> None:
        path = (
            self.folder / "sbd" / (sbd_id or document["sbd_id"]) / f"{document['metadata']['version']}.json"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def instances(self) -> dict[str, Any]:
        return {path.parent.name: json.loads(path.read_text()) for path in self.folder.glob("sbi/*/1.json")}

    def statuses(self, sbi_id: str) -> list[tuple[str, str]]:
        paths = sorted((self.folder / "sbi_status" / sbi_id).iterdir(), key=lambda path: int(path.stem))
        return _changes([json.loads(path.read_text()) for path in paths])


class OnServer:
    """An archive on a server, and what the server holds."""

    def __init__(self, oda: Oda) -> None:
        self.oda = oda
        self.add = oda.add
        self.archive = open_archive(oda.url, TIMEOUT)

    def instances(self) -> dict[str, Any]:
        return self.oda.instances

    def statuses(self, sbi_id: str) -> list[tuple[str, str]]:
        return _changes(self.oda.statuses[sbi_id])


def _changes(entities: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entity["previous_status"], entity["current_status"]) for entity in entities]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further attempts follow soon, so that the tests are quick."""
    monkeypatch.setattr(exchange, "_PAUSE", 0.01)


@pytest.fixture
def oda() -> Iterator[Oda]:
    with serving_oda() as found:
        yield found


@pytest.fixture(params=["folder", "server"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Each archive, and a way to look into it."""
    if request.param == "folder":
        return InFolder(tmp_path / "an archive")
    return OnServer(request.getfixturevalue("oda"))


# -- what every archive does -----------------------------------------------------------------------


def test_the_newest_version_of_a_block_is_found(kept: Any) -> None:
    for version in (2, 10, 9):
        kept.add(sbd(version, note=f"version {version} äöü"))
    assert kept.archive.scheduling_block(SBD_ID) == sbd(10, note="version 10 äöü")


def test_a_block_that_is_not_there_is_named_with_its_archive(kept: Any) -> None:
    for _ in range(2):
        with pytest.raises(NotFound) as refused:
            kept.archive.scheduling_block("sbd-123")
        assert refused.value.detail == f"no scheduling block sbd-123 in the archive {kept.archive.where}"
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
    assert refused.value.detail == f"the archive {kept.archive.where} already has another SBInstance sbi-1"
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


# -- a folder --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> InFolder:
    return InFolder(tmp_path / "oda")


def test_nothing_is_made_by_reading(folder: InFolder) -> None:
    with pytest.raises(NotFound):
        folder.archive.scheduling_block(SBD_ID)
    assert not folder.folder.exists()


def test_only_files_named_by_a_version_are_versions(folder: InFolder) -> None:
    folder.add(sbd(2))
    home = folder.folder / "sbd" / SBD_ID
    for name in (".3.json.0~", "3.json~", "4.json.tmp", "latest.json", "-5.json", "٦.json", "7.JSON"):
        (home / name).write_text("no version")
    (home / "8.json").mkdir()
    os.mkfifo(home / "9.json")
    (home / "10.json").symlink_to("nowhere")
    assert folder.archive.scheduling_block(SBD_ID) == sbd(2)


@pytest.mark.parametrize(
    "text",
    ["", '{"sbd_id": "sbd-1", "acti', "[]", "null", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000],
)
def test_a_block_that_is_no_json_object_is_named_by_its_file(folder: InFolder, text: str) -> None:
    folder.add(sbd(1))
    path = folder.folder / "sbd" / SBD_ID / "2.json"
    path.write_text(text)
    with pytest.raises(Invalid) as refused:
        folder.archive.scheduling_block(SBD_ID)
    assert refused.value.detail == f"{path} in the archive is not a JSON object"


def test_a_block_of_unreasonable_size_is_not_read(folder: InFolder) -> None:
    folder.add(sbd(1))
    with open(folder.folder / "sbd" / SBD_ID / "2.json", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(Invalid, match="is larger than 10 MiB"):
        folder.archive.scheduling_block(SBD_ID)


def test_a_file_where_a_folder_should_be_makes_the_archive_unavailable(folder: InFolder) -> None:
    folder.folder.write_text("in the way")
    with pytest.raises(ArchiveAway) as refused:
        folder.archive.scheduling_block(SBD_ID)
    assert refused.value.detail == f"the archive {folder.folder} cannot be read: Not a directory"
    for store in (
        lambda: folder.archive.store_instance(sbi()),
        lambda: folder.archive.record_status("x", "Failed"),
    ):
        with pytest.raises(
            ArchiveAway, match=f"^the archive {folder.folder} cannot be written: Not a directory$"
        ):
            store()


def test_a_folder_that_leads_to_itself_makes_the_archive_unavailable(folder: InFolder) -> None:
    folder.folder.symlink_to(folder.folder)
    with pytest.raises(ArchiveAway, match="cannot be read: Too many levels of symbolic links$"):
        folder.archive.scheduling_block(SBD_ID)


@pytest.mark.parametrize("step", ["mkdir", "write", "fsync", "link"])
def test_a_full_disk_leaves_nothing_half_written(
    folder: InFolder, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        if step == "write":
            patched.setattr("builtins.open", full)
        else:
            patched.setattr(os, step, full)
        with pytest.raises(ArchiveAway) as refused:
            folder.archive.store_instance(sbi())
    assert refused.value.detail == f"the archive {folder.folder} cannot be written: No space left on device"
    assert [path for path in folder.folder.rglob("*") if path.is_file()] == []
    folder.archive.store_instance(sbi())
    assert folder.instances() == {"sbi-1": sbi()}


def test_a_file_system_without_links_is_written_all_the_same(
    folder: InFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", unsupported)
    folder.archive.store_instance(sbi())
    folder.archive.store_instance(sbi())
    with pytest.raises(Conflict):
        folder.archive.store_instance(sbi(sbd_ref="sbd-2"))
    assert [path.name for path in folder.folder.rglob("*") if path.is_file()] == ["1.json"]


def test_a_status_that_nothing_can_follow_is_told_instead_of_tried_for_ever(folder: InFolder) -> None:
    (folder.folder / "sbi_status" / "sbi-1" / "1.json").mkdir(parents=True)
    with pytest.raises(ArchiveAway, match="has no free version after 0 in "):
        folder.archive.record_status("sbi-1", "Executing")


def test_what_is_stored_is_as_private_as_the_server_wants(tmp_path: Path) -> None:
    storing = (
        "import os, sys; os.umask(0o077)\n"
        "from ska_oso_oet.activities.archive import open_archive\n"
        "open_archive(sys.argv[1], 1).store_instance({'sbi_id': 'sbi-1'})"
    )
    subprocess.run([sys.executable, "-c", storing, (tmp_path / "oda").as_uri()], check=True, timeout=60)
    modes = {stat.filemode(path.stat().st_mode) for path in (tmp_path / "oda").rglob("*")}
    assert modes == {"drwx------", "-rw-------"}


# -- a server --------------------------------------------------------------------------------------


def calls(archive: Archive) -> list[Callable[[], object]]:
    return [
        lambda: archive.scheduling_block(SBD_ID),
        lambda: archive.store_instance(sbi()),
        lambda: archive.record_status("sbi-1", "Executing"),
    ]


CALLS = pytest.mark.parametrize("call", range(3), ids=["scheduling_block", "store_instance", "record_status"])


@CALLS
@pytest.mark.parametrize("kind", ["hang", "drip", "drip_headers"])
def test_a_server_that_is_slow_in_any_way_is_given_up_at_the_deadline(oda: Oda, kind: str, call: int) -> None:
    oda.misbehave(kind)
    archive = open_archive(oda.url, SHORT)
    begun = time.monotonic()
    with pytest.raises(ArchiveAway) as refused:
        calls(archive)[call]()
    assert SHORT <= time.monotonic() - begun < SHORT + 2
    assert refused.value.detail == f"the archive {oda.url} did not answer within {SHORT} s"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("reset", "cannot be reached: "),
        ("rubbish", "cannot be reached: "),
        ("short", "cannot be reached: the connection was lost"),
        ("html", "answers with what is no JSON object"),
        ("truncated", "answers with what is no JSON object"),
        ("huge", "answers with more than 10 MiB"),
        ("redirect", "sends elsewhere, where the OET does not follow (HTTP 302)"),
        ("500", "answers with an error (HTTP 500): told to answer 500"),
        ("503", "answers with an error (HTTP 503): told to answer 503"),
        ("422", "refuses (HTTP 422): told to answer 422"),
        ("401", "refuses (HTTP 401): told to answer 401"),
        ("403", "refuses (HTTP 403): told to answer 403"),
    ],
)
@CALLS
def test_a_server_that_misbehaves_is_told_from_one_that_works(
    oda: Oda, kind: str, sentence: str, call: int
) -> None:
    archive = open_archive(oda.url, TIMEOUT)
    if call == 1 and kind in ("html", "truncated"):
        oda.misbehave(500, method="POST")  # what a POST is answered with besides its status is not read
        oda.misbehave(kind, times=1, method="GET")
    else:
        oda.misbehave(kind)
    with pytest.raises(ArchiveAway) as refused:
        calls(archive)[call]()
    assert refused.value.detail.startswith(f"the archive {oda.url} {sentence}")
    assert refused.value.status == 503


def test_every_misbehaviour_is_tested() -> None:
    tested = {
        "hang",
        "drip",
        "drip_headers",
        "reset",
        "rubbish",
        "short",
        "html",
        "truncated",
        "huge",
        "redirect",
    }
    assert tested | {"lose_answer"} == set(KINDS)


def test_the_servers_404_for_a_block_means_no_such_block(oda: Oda) -> None:
    oda.misbehave(404)
    with pytest.raises(NotFound):
        open_archive(oda.url, TIMEOUT).scheduling_block(SBD_ID)


@pytest.mark.parametrize("kind", ["reset", "short", "502", "503", "504"])
def test_a_server_that_fails_for_a_moment_is_asked_again(oda: Oda, kind: str) -> None:
    oda.add(sbd())
    archive = open_archive(oda.url, TIMEOUT)
    oda.misbehave(kind, times=2)
    assert archive.scheduling_block(SBD_ID) == sbd()
    oda.misbehave(kind, times=1)
    archive.store_instance(sbi())
    oda.misbehave(kind, times=2, method="PUT")
    archive.record_status("sbi-1", "Executing")
    assert oda.instances == {"sbi-1": sbi()}
    assert _changes(oda.statuses["sbi-1"]) == [("Created", "Executing")]


def test_a_server_that_keeps_failing_is_asked_three_times(oda: Oda) -> None:
    oda.misbehave(503)
    with pytest.raises(ArchiveAway):
        open_archive(oda.url, TIMEOUT).scheduling_block(SBD_ID)
    assert oda.requests == [f"GET /sbds/{SBD_ID}"] * 3


def test_a_server_that_refuses_is_not_asked_again(oda: Oda) -> None:
    oda.misbehave(403)
    with pytest.raises(ArchiveAway):
        open_archive(oda.url, TIMEOUT).scheduling_block(SBD_ID)
    assert oda.requests == [f"GET /sbds/{SBD_ID}"]


def test_an_instance_whose_answer_was_lost_is_not_sent_again(oda: Oda) -> None:
    oda.misbehave("lose_answer", times=1)
    open_archive(oda.url, TIMEOUT).store_instance(sbi())
    assert oda.instances == {"sbi-1": sbi()}
    assert oda.requests == ["POST /sbis", "GET /sbis/sbi-1"]


def test_an_instance_that_never_arrived_is_sent_again_once_that_is_known(oda: Oda) -> None:
    oda.misbehave("reset", times=1, method="POST")
    open_archive(oda.url, TIMEOUT).store_instance(sbi())
    assert oda.requests == ["POST /sbis", "GET /sbis/sbi-1", "POST /sbis"]


def test_an_instance_that_the_server_refuses_is_told_with_the_servers_sentence(oda: Oda) -> None:
    with pytest.raises(ArchiveAway) as refused:
        open_archive(oda.url, TIMEOUT).store_instance(sbi(telescope=None))
    assert refused.value.detail == f"the archive {oda.url} refuses (HTTP 422): Validation failed: telescope"


def test_a_server_that_is_gone_is_told_and_found_again_when_it_is_back(oda: Oda) -> None:
    oda.add(sbd())
    archive = open_archive(oda.url, TIMEOUT)
    oda.stop()
    for call in calls(archive):
        with pytest.raises(ArchiveAway) as refused:
            call()
        assert refused.value.detail == f"the archive {oda.url} cannot be reached: Connection refused"
    oda.start(oda.port)
    assert archive.scheduling_block(SBD_ID) == sbd()


def test_a_server_that_accepts_no_connections_is_given_up_at_the_deadline() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):  # its queue is full
            with pytest.raises(ArchiveAway) as refused:
                open_archive(f"http://127.0.0.1:{listener.getsockname()[1]}/oda", SHORT).scheduling_block("x")
    assert "did not answer within 0.4 s" in refused.value.detail


def test_a_host_nobody_knows_is_told() -> None:
    with pytest.raises(
        ArchiveAway, match="^the archive http://nowhere.invalid/oda (cannot be reached|did not answer)"
    ):
        open_archive("http://nowhere.invalid/oda", 5).scheduling_block("x")


def test_a_tls_handshake_that_drips_is_given_up_at_the_deadline() -> None:
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"\x16\x03\x03\x40\x00")  # the head of a long record
            while not over.wait(0.02):
                try:
                    connection.sendall(b"\x02")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=drip, args=(listener,))
        dripping.start()
        begun = time.monotonic()
        with pytest.raises(ArchiveAway):
            open_archive(f"https://127.0.0.1:{listener.getsockname()[1]}/oda", SHORT).scheduling_block("x")
        assert time.monotonic() - begun < SHORT + 2
        over.set()
        dripping.join()


@pytest.mark.parametrize("kind", [None, "reset", "hang", "html", "redirect", "500", "404"])
def test_the_password_in_a_url_is_never_shown(oda: Oda, kind: str | None) -> None:
    archive = open_archive(oda.url.replace("//", "//me:s3cret@"), SHORT)
    if kind is None:
        oda.stop()
    else:
        oda.misbehave(kind)
    assert archive.where == oda.url
    with pytest.raises((ArchiveAway, NotFound)) as refused:
        archive.scheduling_block("x")
    assert oda.url in refused.value.detail
    assert "s3cret" not in "".join(traceback.format_exception(refused.value))


def test_proxies_of_the_environment_are_not_asked(oda: Oda, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.2:9")
    oda.add(sbd())
    assert open_archive(oda.url, TIMEOUT).scheduling_block(SBD_ID) == sbd()


def test_an_exchange_leaves_no_thread_and_no_connection_behind(oda: Oda) -> None:
    archive = open_archive(oda.url, TIMEOUT)
    for kind in (None, "reset", "short", 404):
        if kind is not None:
            oda.misbehave(kind)
        with pytest.raises((NotFound, ArchiveAway)):
            archive.scheduling_block("x")
    for timer in [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]:
        timer.join(5)
        assert not timer.is_alive()
    ours = [
        end for end in psutil.Process().net_connections("tcp") if end.raddr and end.raddr.port == oda.port
    ]
    assert ours == []


# -- which archive ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("file:///a/b", "/a/b"),
        ("file:///a/b/", "/a/b"),
        ("file:///a%20b", "/a b"),
        ("file:///a b#1", "/a b#1"),
        ("file:///", "/"),
        ("https://host/ns/oda/api/v1/", "https://host/ns/oda/api/v1"),
        ("http://me:pw@host:8000/oda", "http://host:8000/oda"),
        ("http://me:p@w@[::1]:8000/oda", "http://[::1]:8000/oda"),
    ],
)
def test_an_archive_knows_where_it_is(url: str, where: str) -> None:
    assert open_archive(url, TIMEOUT).where == where


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a/b",
        "oda",
        "file://a/b",
        "file://",
        "file:/a",
        "file:///a%00b",
        "ftp://host/oda",
        "http://",
        "http:///oda",
        "http://host:99999/oda",
        "http://host:x/oda",
        "http://[::1/oda",
        "http://host/oda?x=1",
        "http://host/oda#x",
        "http://host/a/../b",
        "http://ho st/oda",
        "http://host/\noda",
    ],
)
def test_what_names_no_archive_is_answered_with_what_would(url: str) -> None:
    with pytest.raises(
        ValueError, match="^must be file:///absolute/path of a folder, or the base of the ODA's REST"
    ):
        open_archive(url, TIMEOUT)


# -- in an event loop ------------------------------------------------------------------------------


class Stuck:
    """An archive like a folder on a network file system that is away, until it is back."""

    where = "/net/oda"

    def __init__(self) -> None:
        self.back = threading.Event()
        self.calls = 0

    def scheduling_block(self, sbd_id: str) -> dict[str, Any]:
        self.calls += 1
        self.back.wait(30)
        return {"sbd_id": sbd_id}

    def store_instance(self, sbi: dict[str, Any]) -> None:
        self.back.wait(30)

    def record_status(self, sbi_id: str, status: str) -> None:
        self.back.wait(30)


@in_loop
async def test_in_an_event_loop_an_archive_does_what_it_does(tmp_path: Path) -> None:
    folder = InFolder(tmp_path)
    folder.add(sbd())
    timely = Timely(folder.archive, TIMEOUT)
    assert await timely.scheduling_block(SBD_ID) == sbd()
    await timely.store_instance(sbi())
    await timely.record_status("sbi-1", "Executing")
    assert (folder.instances(), folder.statuses("sbi-1")) == ({"sbi-1": sbi()}, [("Created", "Executing")])
    with pytest.raises(NotFound):
        await timely.scheduling_block("sbd-2")


@in_loop
async def test_a_call_that_hangs_is_given_up_and_when_all_hang_further_ones_fail_at_once() -> None:
    stuck = Stuck()
    timely = Timely(stuck, 0.2, threads=2)
    for _ in range(2):
        with pytest.raises(ArchiveAway, match="^the archive /net/oda did not answer within 0.2 s$"):
            await timely.scheduling_block("x")
    begun = time.monotonic()
    with pytest.raises(ArchiveAway, match="^the archive /net/oda does not answer$"):
        await timely.record_status("sbi-1", "Failed")
    assert time.monotonic() - begun < 0.1
    assert stuck.calls == 2
    stuck.back.set()

    async def works_again() -> bool:
        try:
            return await timely.scheduling_block("x") == {"sbd_id": "x"}
        except ArchiveAway:
            return False

    while not await works_again():
        await asyncio.sleep(0)


@in_loop
async def test_calls_that_wait_for_a_thread_are_over_in_time_too() -> None:
    stuck = Stuck()
    timely = Timely(stuck, 0.2, threads=2)
    begun = time.monotonic()
    ended = await asyncio.gather(*(timely.scheduling_block("x") for _ in range(10)), return_exceptions=True)
    assert time.monotonic() - begun < 1
    assert {type(error) for error in ended} == {ArchiveAway}
    assert stuck.calls == 2
    stuck.back.set()


@in_loop
async def test_more_calls_than_threads_take_turns() -> None:
    stuck = Stuck()
    timely = Timely(stuck, TIMEOUT, threads=2)
    asking = [asyncio.create_task(timely.scheduling_block(str(n))) for n in range(10)]
    await until(lambda: stuck.calls == 2)
    stuck.back.set()
    assert await asyncio.gather(*asking) == [{"sbd_id": str(n)} for n in range(10)]


@in_loop
async def test_a_call_nobody_waits_for_any_more_gives_its_thread_back() -> None:
    stuck = Stuck()
    timely = Timely(stuck, TIMEOUT, threads=1)
    asking = asyncio.create_task(timely.scheduling_block("x"))
    await until(lambda: stuck.calls == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    stuck.back.set()
    await until(lambda: timely._hung == 0)
    assert await timely.scheduling_block("y") == {"sbd_id": "y"}


def test_a_call_that_hangs_does_not_keep_the_process_from_ending() -> None:
    program = """
import asyncio, threading
from ska_oso_oet.activities.archive.timely import Timely
from ska_oso_oet.domain.errors import ArchiveAway

class Stuck:
    where = "/net/oda"
    def scheduling_block(self, sbd_id):
        threading.Event().wait()

async def main():
    try:
        await Timely(Stuck(), 0.1).scheduling_block("x")
    except ArchiveAway as error:
        print(error)

asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert (ended.stdout, ended.stderr) == ("the archive /net/oda did not answer within 0.1 s\n", "")

"""An archive on a server, and how it fails; which archive a URL names."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Callable

import psutil
import pytest

from ska_oso_oet.activities.archive import Archive
from ska_oso_oet.activities.archive.entities import AGAIN, CHECK
from ska_oso_oet.domain.errors import ArchiveAway, NotFound

from ..support.oda import KINDS, Oda
from .entities import SBD_ID, SHORT, TIMEOUT, changes, opened, sbd, sbi


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
    archive = opened(oda.url, SHORT)
    begun = time.monotonic()
    with pytest.raises(ArchiveAway) as refused:
        calls(archive)[call]()
    assert SHORT <= time.monotonic() - begun < SHORT + 2
    assert refused.value.detail == f"the archive {oda.url} did not answer within {SHORT} s; {AGAIN}"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("reset", "cannot be reached: "),
        ("rubbish", "cannot be reached: "),
        ("short", "cannot be reached: the connection was lost"),
        ("html", " with something other than a JSON object"),
        ("truncated", " with something other than a JSON object"),
        ("huge", "answers with more than 10 MiB"),
        ("redirect", "redirects (HTTP 302 to "),
        ("500", "answers with an error (HTTP 500 to "),
        ("503", "answers with an error (HTTP 503 to "),
        ("422", "refuses (HTTP 422 to "),
        ("401", "refuses (HTTP 401 to "),
        ("403", "refuses (HTTP 403 to "),
    ],
)
@CALLS
def test_a_server_that_misbehaves_is_told_from_one_that_works(
    oda: Oda, kind: str, sentence: str, call: int
) -> None:
    archive = opened(oda.url, TIMEOUT)
    if call == 1 and kind in ("html", "truncated"):
        oda.misbehave(500, method="POST")  # what a POST is answered with besides its status is not read
        oda.misbehave(kind, times=1, method="GET")
    else:
        oda.misbehave(kind)
    with pytest.raises(ArchiveAway) as refused:
        calls(archive)[call]()
    told, _, remedy = refused.value.detail.rpartition("; ")
    assert told.startswith(f"the archive {oda.url} ")
    assert sentence in told
    assert "OET_ODA_URL" in remedy
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
    assert tested | {"lose_answer", "late"} == set(KINDS)  # these two by tests of activities


def test_the_servers_404_for_a_block_means_no_such_block(oda: Oda) -> None:
    oda.misbehave(404)
    with pytest.raises(NotFound):
        opened(oda.url, TIMEOUT).scheduling_block(SBD_ID)


@pytest.mark.parametrize("kind", ["reset", "short", "502", "503", "504"])
def test_a_server_that_fails_for_a_moment_is_asked_again(oda: Oda, kind: str) -> None:
    oda.add(sbd())
    archive = opened(oda.url, TIMEOUT)
    oda.misbehave(kind, times=2)
    assert archive.scheduling_block(SBD_ID) == sbd()
    oda.misbehave(kind, times=1)
    archive.store_instance(sbi())
    oda.misbehave(kind, times=2, method="PUT")
    archive.record_status("sbi-1", "Executing")
    assert oda.instances == {"sbi-1": sbi()}
    assert changes(oda.statuses["sbi-1"]) == [("Created", "Executing")]


def test_a_server_that_keeps_failing_is_asked_three_times(oda: Oda) -> None:
    oda.misbehave(503)
    with pytest.raises(ArchiveAway):
        opened(oda.url, TIMEOUT).scheduling_block(SBD_ID)
    assert oda.requests == [f"GET /sbds/{SBD_ID}"] * 3


def test_a_server_that_refuses_is_not_asked_again(oda: Oda) -> None:
    oda.misbehave(403)
    with pytest.raises(ArchiveAway):
        opened(oda.url, TIMEOUT).scheduling_block(SBD_ID)
    assert oda.requests == [f"GET /sbds/{SBD_ID}"]


def test_an_instance_whose_answer_was_lost_is_not_sent_again(oda: Oda) -> None:
    oda.misbehave("lose_answer", times=1)
    opened(oda.url, TIMEOUT).store_instance(sbi())
    assert oda.instances == {"sbi-1": sbi()}
    assert oda.requests == ["POST /sbis", "GET /sbis/sbi-1"]


def test_an_instance_that_never_arrived_is_sent_again_once_that_is_known(oda: Oda) -> None:
    oda.misbehave("reset", times=1, method="POST")
    opened(oda.url, TIMEOUT).store_instance(sbi())
    assert oda.requests == ["POST /sbis", "GET /sbis/sbi-1", "POST /sbis"]


def test_an_instance_that_the_server_refuses_is_told_with_the_servers_sentence(oda: Oda) -> None:
    with pytest.raises(ArchiveAway) as refused:
        opened(oda.url, TIMEOUT).store_instance(sbi(telescope=None))
    assert (
        refused.value.detail
        == f"the archive {oda.url} refuses (HTTP 422 to POST /sbis): Validation failed: telescope; {CHECK}"
    )


def test_a_server_that_is_gone_is_told_and_found_again_when_it_is_back(oda: Oda) -> None:
    oda.add(sbd())
    archive = opened(oda.url, TIMEOUT)
    oda.stop()
    for call in calls(archive):
        with pytest.raises(ArchiveAway) as refused:
            call()
        assert refused.value.detail == f"the archive {oda.url} cannot be reached: Connection refused; {AGAIN}"
    oda.start(oda.port)
    assert archive.scheduling_block(SBD_ID) == sbd()


def test_a_server_that_accepts_no_connections_is_given_up_at_the_deadline() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):  # its queue is full
            with pytest.raises(ArchiveAway) as refused:
                opened(f"http://127.0.0.1:{listener.getsockname()[1]}/oda", SHORT).scheduling_block("x")
    assert "did not answer within 0.4 s" in refused.value.detail


def test_a_host_nobody_knows_is_told() -> None:
    with pytest.raises(
        ArchiveAway, match="^the archive http://nowhere.invalid/oda (cannot be reached|did not answer)"
    ):
        opened("http://nowhere.invalid/oda", 5).scheduling_block("x")


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
            opened(f"https://127.0.0.1:{listener.getsockname()[1]}/oda", SHORT).scheduling_block("x")
        assert time.monotonic() - begun < SHORT + 2
        over.set()
        dripping.join()


@pytest.mark.parametrize("kind", [None, "reset", "hang", "html", "redirect", "500", "404"])
def test_the_password_in_a_url_is_never_shown(oda: Oda, kind: str | None) -> None:
    archive = opened(oda.url.replace("//", "//me:s3cret@"), SHORT)
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
    assert opened(oda.url, TIMEOUT).scheduling_block(SBD_ID) == sbd()


def test_an_exchange_leaves_no_thread_and_no_connection_behind(oda: Oda) -> None:
    archive = opened(oda.url, TIMEOUT)
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


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("file:///a/b", "/a/b"),
        ("file:///a/b/", "/a/b"),
        ("file:///a%20b", "/a b"),
        ("file:///a b#1", "/a b#1"),
        ("file:///", "/"),
        ("https://host/ns/oda/api/v1/", "https://host/ns/oda/api/v1"),
        ("https://me:pw@host/ns/oso/api/v16/", "https://host/ns/oso/api/v16"),
        ("http://me:pw@host:8000/oda", "http://host:8000/oda"),
        ("http://me:p@w@[::1]:8000/oda", "http://[::1]:8000/oda"),
    ],
)
def test_an_archive_knows_where_it_is(url: str, where: str) -> None:
    assert opened(url, TIMEOUT).where == where


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
        ValueError, match="^must be file:///absolute/path of a folder, the base of oso-services"
    ):
        opened(url, TIMEOUT)

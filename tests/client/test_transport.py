from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ska_oso_oet_client import OETClient, transport
from ska_oso_oet_client.errors import BadAnswerError, LostError, RefusedError, UnreachableError
from ska_oso_oet_client.retry import outlast

from ..support.fake_oet import Answer, FakeOET

BUSY = {"Retry-After": "4"}


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(oet: FakeOET, pauses: list[float]) -> Iterator[OETClient]:
    with OETClient(oet.url, sleep=pauses.append) as client:
        yield client


def test_a_change_is_repeated_with_the_same_key_after_a_broken_connection(
    oet: FakeOET, client: OETClient, pauses: list[float]
) -> None:
    oet.add(1)
    oet.plan("PUT", "/procedures/1", Answer(drop=True), Answer(drop=True))
    client.start_procedure(1)
    keys = [request.headers["Idempotency-Key"] for request in oet.asked("PUT")]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert pauses == [0.2, 0.4]


def test_no_proxy_is_asked_for_this_machine(
    oet: FakeOET, client: OETClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    client.procedures()


def test_a_password_of_the_netrc_is_sent_to_no_server(
    oet: FakeOET, client: OETClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login alice password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    there = {"Location": f"{oet.url.replace('127.0.0.1', 'localhost')}/procedures"}
    oet.plan("GET", "/procedures", Answer(302, headers=there, odd=True))
    client.procedures()
    assert len(oet.asked("GET", "/procedures")) == 2
    assert not any("Authorization" in request.headers for request in oet.asked("GET"))


def test_an_answer_without_an_end_is_given_up(
    oet: FakeOET, client: OETClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LARGEST", 2**20)
    oet.plan("GET", "/procedures", Answer(body=["x" * 2**21], odd=True))
    with pytest.raises(BadAnswerError, match="larger than 1 MiB"):
        client.procedures()


def test_two_changes_have_two_keys(oet: FakeOET, client: OETClient) -> None:
    oet.add(1)
    client.start_procedure(1)
    client.start_procedure(1)
    assert len({request.headers["Idempotency-Key"] for request in oet.asked("PUT")}) == 2


def test_repeating_ends(oet: FakeOET, client: OETClient) -> None:
    oet.plan("GET", "/procedures", *[Answer(drop=True)] * 9)
    with pytest.raises(UnreachableError):
        client.procedures()
    assert len(oet.asked("GET")) == 4


def test_a_refused_connection_is_not_repeated(pauses: list[float]) -> None:
    nobody = OETClient("http://127.0.0.1:1", sleep=pauses.append)
    with nobody as client, pytest.raises(UnreachableError, match="connection refused"):
        client.procedures()
    assert not pauses


def test_an_unknown_host_is_named(pauses: list[float]) -> None:
    nobody = OETClient("http://no-such-host.invalid/x", sleep=pauses.append)
    with nobody as client, pytest.raises(UnreachableError, match=r"no-such-host\.invalid"):
        client.procedures()
    assert not pauses


def test_a_busy_server_is_asked_again_when_it_says(
    oet: FakeOET, client: OETClient, pauses: list[float]
) -> None:
    busy = Answer.problem(503, "starting")
    busy.headers.update(BUSY)
    oet.plan("GET", "/procedures", busy, busy)
    assert client.procedures() == []
    assert pauses == [4, 4]


@pytest.mark.parametrize("retry_after", ["4", "60", "soon", None])
def test_patience_with_a_busy_server_ends(
    oet: FakeOET, client: OETClient, pauses: list[float], retry_after: str | None
) -> None:
    busy = Answer.problem(503, "disk full")
    if retry_after:
        busy.headers["Retry-After"] = retry_after
    oet.plan("GET", "/procedures", *[busy] * 9)
    with pytest.raises(RefusedError, match="disk full"):
        client.procedures()
    assert sum(pauses) <= 10


def test_reading_changes_nothing_and_has_no_key(oet: FakeOET, client: OETClient) -> None:
    client.procedures()
    assert "Idempotency-Key" not in oet.requests[0].headers


def test_waiting_outlasts_a_restart(oet: FakeOET, client: OETClient, pauses: list[float]) -> None:
    running = oet.add(1, "RUNNING")
    oet.add(1, "COMPLETE")
    gone = Answer(502, b"<html>", {"Content-Type": "text/html"})
    oet.plan("GET", "/procedures/1", Answer(body=running), *[gone] * 5)
    talk: list[str] = []
    assert client.wait(1, notify=talk.append).state == "COMPLETE"
    assert len(pauses) == 6
    assert len(talk) == 1


def test_time_in_which_a_server_says_nothing_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 50))
    monkeypatch.setattr("ska_oso_oet_client.retry.time", SimpleNamespace(monotonic=lambda: next(clock)))
    asked: list[str] = []

    def ask() -> None:
        asked.append("")
        raise UnreachableError("http://oet", "no answer", sent=True)

    with pytest.raises(LostError):
        outlast(ask, lambda seconds: None, lambda sentence: None)
    assert len(asked) == 2  # of 50 s each


def test_waiting_does_not_begin_without_a_server(pauses: list[float]) -> None:
    nobody = OETClient("http://127.0.0.1:1", sleep=pauses.append)
    with nobody as client, pytest.raises(UnreachableError):
        client.wait(1)
    assert not pauses


@pytest.mark.parametrize(
    "ask",
    [lambda client: client.procedure(1), lambda client: client.wait(1, timeout=0)],
)
def test_an_unknown_procedure_is_refused(client: OETClient, ask: Callable[[OETClient], object]) -> None:
    with pytest.raises(RefusedError) as refusal:
        ask(client)
    assert refusal.value.status == 404
    assert refusal.value.detail == "No information available for PID=1"
    assert str(refusal.value) == "There is no procedure 1"

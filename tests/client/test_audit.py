"""``oet audit``."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet_client import OETClient

from ..support.fake_oet import CREATED_AT, FakeOET
from .conftest import Result

Run = Callable[..., Result]


def entry(id: int, **changes: Any) -> dict[str, Any]:
    document = {
        "id": id,
        "time": CREATED_AT,
        "user": "bob",
        "name": "Bob Baker",
        "address": "10.0.0.7",
        "method": "PUT",
        "path": "/procedures/7",
        "what": '{"state": "RUNNING"}',
        "status": 403,
        "detail": "you need the permission 'execute'",
        "request_id": "r1",
    }
    return {**document, **changes}


def test_who_asked_for_what_is_a_table(oet: FakeOET, run: Run) -> None:
    oet.audit = [entry(2), entry(1, name=None, what=None, status=200, detail=None)]
    result = run("audit")
    assert (result.status, result.err) == (0, "")
    header, _, first, second = (re.split(r"\s{2,}", line.strip()) for line in result.out.splitlines())
    assert header == ["Time", "User", "Address", "Command", "Status", "Detail"]
    refusal = ["403", "you need the permission 'execute'"]
    assert first[1:] == ["Bob Baker", "10.0.0.7", 'PUT /procedures/7 {"state": "RUNNING"}', *refusal]
    assert second[1:] == ["bob", "10.0.0.7", "PUT /procedures/7", "200"]


def test_long_requests_are_shortened_for_people(oet: FakeOET, run: Run) -> None:
    oet.audit = [entry(1, what='{"script": "' + "x" * 2000 + '"}')]
    assert 'PUT /procedures/7 {"script": "xxxx' in run("audit").out
    assert max(len(line) for line in run("audit").out.splitlines()) < 170


def test_a_command_whose_server_died_is_shown_without_a_status(oet: FakeOET, run: Run) -> None:
    oet.audit = [entry(2, status=None, detail="no answer on record"), entry(1)]
    result = run("audit")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[2].endswith("no answer on record")
    assert json.loads(run("audit", "--output=json").out) == oet.audit


def test_json_output_is_what_the_server_said(oet: FakeOET, run: Run) -> None:
    oet.audit = [entry(2, more=1)]
    assert json.loads(run("audit", "--output=json").out) == oet.audit


def test_what_others_sent_cannot_command_the_terminal(oet: FakeOET, run: Run) -> None:
    oet.audit = [entry(1, detail="\x1b[2J\r\nx", address="\x9b1m")]
    out = run("audit").out
    assert not {"\x1b", "\r", "\x9b"} & set(out)
    assert len(out.splitlines()) == 3


def test_filters_are_left_to_the_server(oet: FakeOET, run: Run) -> None:
    assert "No entry of the audit" in run("audit", "--user=bob", "--refused", "--limit=7").err
    (request,) = oet.asked("GET", "/audit")
    assert request.query == {"user": "bob", "result": "refused", "limit": "7"}


def test_the_beginning_is_a_time_or_a_while_ago(oet: FakeOET, run: Run) -> None:
    run("audit", "--since=2h")
    run("audit", "--since", "2026-11-22 14:00")
    run("audit", "--since", "2026-11-22T14:00:00+00:00")
    ago, local, utc = (float(request.query["since"]) for request in oet.requests)
    assert ago == pytest.approx(time.time() - 7200, abs=60)
    assert local == time.mktime((2026, 11, 22, 14, 0, 0, 0, 0, -1))
    assert utc == 1795356000


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "-1h", ""])
def test_what_is_no_time_is_wrong_usage(oet: FakeOET, run: Run, since: str) -> None:
    result = run("audit", f"--since={since}")
    assert result.status == 2
    assert not oet.requests


def test_many_entries_come_in_pages(oet: FakeOET) -> None:
    oet.audit = [entry(id) for id in range(1200, 0, -1)]
    with OETClient(oet.url) as client:
        assert [found.id for found in client.audit(limit=1100)] == list(range(1200, 100, -1))
        assert len(client.audit(limit=5000)) == 1200
    assert len(oet.requests[0:3]) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--verify", "--user=bob"), "leave out --user"),
        (("--verify", "--limit=5"), "leave out --limit"),
        (("--verify", "--refused"), "leave out --refused"),
        ((f"--head={'0' * 64}",), "add --verify"),
        (("--verify", "--head=newest"), "64 hexadecimal digits"),
    ],
)
def test_what_cannot_be_verified_is_wrong_usage(
    oet: FakeOET, run: Run, words: tuple[str, ...], said: str
) -> None:
    result = run("audit", *words)
    assert (result.status, result.out) == (2, "")
    assert said in result.err
    assert not oet.requests


def test_a_server_that_has_no_chain_says_so_and_is_not_taken_for_a_good_one(oet: FakeOET, run: Run) -> None:
    assert run("audit", "--verify").status == 3

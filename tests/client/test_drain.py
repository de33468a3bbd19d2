"""``oet drain`` and ``oet resume``, and what ``oet status`` tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ska_oso_oet_client import OETClient, RefusedError

from ..support.fake_oet import CREATED_AT, Answer, FakeOET, status_json
from .conftest import Result

Run = Callable[..., Result]
WHEN = "2026-11-22 05:15:31 UTC"


def test_a_drain_says_since_when_by_whom_and_why(oet: FakeOET, run: Run) -> None:
    result = run("drain", "--reason=an upgrade", "--subarray_id=1")
    assert result == Result(
        0, f"Drained since {WHEN} by alice: an upgrade\n", "Subarray 1 takes no new work\n"
    )
    (request,) = oet.asked("POST", "/drain")
    assert request.body == {"reason": "an upgrade"}
    assert "Idempotency-Key" in request.headers


def test_no_reason_need_be_given(oet: FakeOET, run: Run) -> None:
    assert run("drain").out == f"Drained since {WHEN} by alice\n"
    assert oet.asked("POST", "/drain")[0].body == {}


def test_a_second_drain_tells_of_the_first(oet: FakeOET, run: Run) -> None:
    first, second = run("drain", "--reason=first"), run("drain", "--reason", "second")
    assert (second.status, second.out) == (first.status, first.out)
    assert second.err == (
        "It was drained before, and keeps its first reason; yours is not taken. "
        f"To change it, end that drain first: oet resume\n{first.err}"
    )
    assert run("drain") == first


def test_resume_tells_whether_that_changed_anything(oet: FakeOET, run: Run) -> None:
    run("drain")
    where = "Subarray 1 takes new work\n"
    assert run("resume") == Result(0, "New work is taken again\n", where)
    assert run("resume") == Result(0, "It was not drained; nothing has changed\n", where)
    assert oet.drain["drained"] is False


def test_resume_resumes_though_nobody_can_tell_whether_it_was_drained(oet: FakeOET, run: Run) -> None:
    run("drain")
    oet.plan("GET", "/status", Answer.problem(403, "you need the permission 'read'"))
    assert run("resume").out == "New work is taken again\n"
    assert oet.drain["drained"] is False


def test_json_output_is_the_state(oet: FakeOET, run: Run) -> None:
    assert json.loads(run("drain", "--output=json").out) == oet.drain
    assert json.loads(run("resume", "--output=json").out) == oet.drain


@pytest.mark.parametrize("words", [("drain", "now"), ("drain", "--reson=x"), ("resume", "now")])
def test_anything_else_is_wrong_usage(oet: FakeOET, run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert (result.status, result.out) == (2, "")
    assert not oet.requests


def test_status_of_a_drained_server(oet: FakeOET, run: Run) -> None:
    drained = {"drained": True, "since": CREATED_AT, "by": None, "reason": "an \x1b[1mupgrade"}
    oet.plan("GET", "/status", Answer(body=status_json(ready=False, drain=drained)))
    result = run("status")
    assert result.status == 3
    assert f"Drained      since {WHEN}: an upgrade" in result.out.splitlines()


@pytest.mark.parametrize("drain", [None, {"drained": False, "since": None, "by": None, "reason": None}])
def test_status_of_a_server_that_takes_work_says_nothing(oet: FakeOET, run: Run, drain: object) -> None:
    oet.plan("GET", "/status", Answer(body=status_json(drain=drain), odd=drain is None))
    result = run("status")
    assert (result.status, "Drained" in result.out) == (0, False)


def test_work_that_is_refused_is_refused_at_once(oet: FakeOET, run: Run) -> None:
    refusal = Answer.problem(503, "this OET is drained and takes no new work; `oet resume` ends that")
    refusal.headers["Retry-After"] = "60"
    oet.plan("POST", "/procedures", refusal)
    assert run("procedure", "create", "file:///x.py") == Result(
        3, "", "Error: this OET is drained and takes no new work (subarray 1); `oet resume` ends that\n"
    )
    assert len(oet.asked("POST", "/procedures")) == 1


def test_the_client_returns_the_state(oet: FakeOET) -> None:
    with OETClient(oet.url) as client:
        state = client.drain("an upgrade")
        assert (state.drained, state.since, state.by, state.reason) == (
            True,
            CREATED_AT,
            "alice",
            "an upgrade",
        )
        assert client.resume().drained is False
        oet.plan("POST", "/drain", Answer.problem(409, "no"))
        with pytest.raises(RefusedError):
            client.drain()

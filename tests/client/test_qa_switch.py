"""``oet wait_for_qa_ready``, and what ``oet status`` tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet_client import InvalidRequestError, OETClient

from ..support.fake_oet import CREATED_AT, Answer, FakeOET, status_json
from .conftest import Result

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("action", "sentence", "meaning"),
    [
        ("enable", "always wait for QA before scanning", "each scan waits for QA from now on"),
        ("disable", "never wait for QA before scanning", "no scan waits for QA from now on"),
        ("override", "bypass any active wait for QA", "the current scan does not wait for QA"),
    ],
)
def test_each_action_is_sent_and_said(
    oet: FakeOET, run: Run, action: str, sentence: str, meaning: str
) -> None:
    result = run("wait_for_qa_ready", action, "--subarray_id=1")
    assert result == Result(0, f"Sent command: {sentence}\n", f"Subarray 1: {meaning}\n")
    (request,) = oet.asked("PUT", "/operator/wait_for_qa_ready")
    assert request.body == {"action": action}


def test_the_action_can_be_given_by_name(oet: FakeOET, run: Run) -> None:
    assert run("wait_for_qa_ready", "--action=disable").status == 0
    assert oet.qa_switch["wait_for_qa_ready"] is False


def test_json_output_is_the_switch(oet: FakeOET, run: Run) -> None:
    assert json.loads(run("wait_for_qa_ready", "disable", "--output=json").out) == oet.qa_switch


@pytest.mark.parametrize("words", [(), ("on",), ("--action=ENABLE",)])
def test_anything_but_an_action_is_wrong_usage(oet: FakeOET, run: Run, words: tuple[str, ...]) -> None:
    result = run("wait_for_qa_ready", *words)
    assert (result.status, result.out) == (2, "")
    assert all(action in result.err for action in ("enable", "disable", "override"))
    assert result.err.count("\n") == 1
    assert not oet.requests


def test_an_override_without_a_running_script_is_refused(oet: FakeOET, run: Run) -> None:
    refusal = Answer.problem(409, "No script is running")
    oet.plan("PUT", "/operator/wait_for_qa_ready", refusal)
    assert run("wait_for_qa_ready", "override") == Result(3, "", "Error: No script is running (subarray 1)\n")


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        ({"wait_for_qa_ready": True, "override": None}, ["Wait for QA  yes"]),
        ({"wait_for_qa_ready": False}, ["Wait for QA  no"]),
        ({"wait_for_qa_ready": None, "override": None}, ["Wait for QA  unknown"]),
        ({}, ["Wait for QA  unknown"]),
        (
            {
                "wait_for_qa_ready": True,
                "override": {"state": "requested", "procedure_id": 3, "time": CREATED_AT},
            },
            ["Wait for QA  yes", "QA override  requested for procedure 3"],
        ),
    ],
)
def test_status_tells_the_switch(oet: FakeOET, run: Run, known: dict[str, Any], rows: list[str]) -> None:
    oet.plan("GET", "/status", Answer(body=status_json(**known)))
    assert [line for line in run("status").out.splitlines() if "QA" in line] == rows


def test_the_client_returns_the_switch(oet: FakeOET) -> None:
    with OETClient(oet.url) as client:
        assert client.qa_switch().wait_for_qa_ready is True
        assert client.set_qa_switch("disable").wait_for_qa_ready is False
        override = client.set_qa_switch("override").override
        assert override is not None
        assert (override.state, override.procedure_id, override.time) == ("requested", 3, CREATED_AT)
        with pytest.raises(InvalidRequestError, match="'on' is not one of enable, disable, override"):
            client.set_qa_switch("on")


def test_actions_are_completed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_OET_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "oet wait_for_qa_ready ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run().out.split() == ["plain,enable", "plain,disable", "plain,override"]
    monkeypatch.setenv("COMP_WORDS", "oet activity ")
    assert run().out.split() == [
        f"plain,{name}" for name in ("run", "check", "rerun", "list", "describe", "stop")
    ]

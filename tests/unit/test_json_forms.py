"""Outcomes, arguments, scripts and commands survive JSON; what is not one is refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.domain.commands import PrepareProcedure, StartProcedure, StopProcedure
from ska_oso_oet.domain.errors import Invalid
from ska_oso_oet.domain.listing import Listing
from ska_oso_oet.domain.outcome import Outcome, Reason
from ska_oso_oet.domain.scripts import Arguments, FileScript, script_from_dict

from .histories import arguments, outcomes, scripts

pids = st.integers(1, 2**53)


def _through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


@given(outcomes)
def test_an_outcome_survives_json(outcome: Outcome) -> None:
    assert Outcome.from_dict(_through_json(outcome.to_dict())) == outcome


def test_the_reasons_are_those_of_the_contract() -> None:
    assert {str(reason) for reason in Reason} == {
        "completed",
        "script_error",
        "stopped",
        "killed",
        "out_of_memory",
        "timeout",
        "lost",
        "load_error",
        "environment_error",
        "evicted",
        "not_started",  # of activities only
    }


@given(arguments)
def test_arguments_survive_json(given_arguments: Arguments) -> None:
    assert Arguments.from_dict(_through_json(given_arguments.to_dict())) == given_arguments


@pytest.mark.parametrize("data", [None, {}, {"args": None}, {"kwargs": None, "args": []}, {"other": 1}])
def test_absent_arguments_are_no_arguments(data: Any) -> None:
    assert Arguments.from_dict(data) == Arguments()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (3, "arguments must be an object with args and kwargs"),
        ({"args": "bob"}, "args must be a list"),
        ({"args": {}}, "args must be a list"),
        ({"kwargs": []}, "kwargs must be an object"),
    ],
)
def test_what_is_no_arguments_is_refused_with_the_field(data: Any, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        Arguments.from_dict(data)
    assert refused.value.detail == text


@given(scripts)
def test_a_script_survives_json(script: FileScript) -> None:
    assert script_from_dict(_through_json(script.to_dict())) == script


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "script must be an object with script_type and script_uri"),
        ({}, "unknown script_type None; use 'filesystem' or 'git'"),
        ({"script_type": "tape"}, "unknown script_type 'tape'; use 'filesystem' or 'git'"),
        (
            {"script_type": "filesystem"},
            "script_uri None of a filesystem script must start with 'file://'",
        ),
        (
            {"script_type": "filesystem", "script_uri": "git://a.py"},
            "script_uri 'git://a.py' of a filesystem script must start with 'file://'",
        ),
        (
            {"script_type": "filesystem", "script_uri": "file://"},
            "script_uri 'file://' of a filesystem script must start with 'file://'",
        ),
        (
            {"script_type": "filesystem", "script_uri": "file:///etc/passwd"},
            "script_uri 'file:///etc/passwd' must name a Python file, ending in '.py'",
        ),
        (
            {"script_type": "filesystem", "script_uri": "file:///a\0.py"},
            "script_uri must be text that can name a file",
        ),
        (
            {"script_type": "filesystem", "script_uri": "file:///\ud800.py"},
            "script_uri must be text that can name a file",
        ),
    ],
)
def test_what_is_no_script_is_refused_with_what_would_be_right(data: Any, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        script_from_dict(data)
    assert refused.value.detail == text


@given(scripts, arguments)
def test_a_prepare_command_survives_json(script: FileScript, init: Arguments) -> None:
    command = PrepareProcedure(script=script, init=init)
    assert PrepareProcedure.from_dict(_through_json(command.to_dict())) == command


@given(pids, arguments)
def test_a_start_command_survives_json(pid: int, main: Arguments) -> None:
    command = StartProcedure(pid=pid, main=main)
    assert StartProcedure.from_dict(_through_json(command.to_dict())) == command


@given(pids, st.booleans())
def test_a_stop_command_survives_json(pid: int, abort: bool) -> None:
    command = StopProcedure(pid=pid, abort=abort)
    assert StopProcedure.from_dict(_through_json(command.to_dict())) == command


@given(
    st.builds(
        Listing,
        all=st.booleans(),
        limit=st.none() | st.integers(1, 500),
        before=st.none() | pids,
        states=st.none() | st.lists(st.just("READY")).map(tuple),
        script=st.none() | st.text(),
        since=st.none() | st.floats(0, 1e12),
    )
)
def test_which_ones_to_list_survives_json(wanted: Listing) -> None:
    assert Listing.from_dict(_through_json(wanted.to_dict())) == wanted


@pytest.mark.parametrize("pid", [None, "7", 7.0, True])
def test_a_command_about_no_whole_number_is_refused(pid: Any) -> None:
    for command in (StartProcedure, StopProcedure):
        with pytest.raises(Invalid) as refused:
            command.from_dict({"pid": pid})
        assert refused.value.detail == f"pid must be a whole number, not {pid!r}"

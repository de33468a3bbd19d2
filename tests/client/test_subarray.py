"""Which subarray a command means, and that it says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ska_oso_oet_client import OETClient

from ..support.fake_oet import FakeOET
from .conftest import Result

Run = Callable[..., Result]

ANY = "/ska-oso-oet/oet/{SUBARRAY_ID}/api/v1"
ASSUMED = "Subarray 1 is meant: neither --subarray_id nor OET_SUBARRAY_ID names another"

CHANGES = [
    "procedure create file://x.py",
    "procedure start --pid=1 --listen=False",
    "procedure stop 1",
    "procedure stop 1 --no-run-abort",
    "activity run observe sbd-1 --listen=False",
    "activity stop 1",
    "wait_for_qa_ready disable",
    "drain",
    "resume",
]


@pytest.fixture
def open_url(oet: FakeOET, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OET_URL", oet.root + ANY)
    oet.add(1)
    oet.add(5, "COMPLETE")
    oet.add_activity(1, "RUNNING")


@pytest.mark.parametrize("words", CHANGES)
@pytest.mark.parametrize("form", ["table", "json"])
def test_whoever_changes_something_is_told_on_which_subarray(
    oet: FakeOET, run: Run, open_url: None, words: str, form: str
) -> None:
    result = run(*words.split(), "--subarray_id=1", f"--output={form}")
    assert result.status == 0
    assert "subarray 1" in result.err.lower()
    assert ASSUMED not in result.err


@pytest.mark.parametrize("words", ["procedure list", "status", "procedure describe 1", *CHANGES])
def test_it_is_said_that_the_first_subarray_is_assumed(
    oet: FakeOET, run: Run, open_url: None, words: str
) -> None:
    result = run(*words.split())
    assert result.status == 0
    assert result.err.splitlines()[0] == ASSUMED
    assert ASSUMED not in result.out


@pytest.mark.parametrize("variable", ["1", " 1 ", "01"])
def test_nothing_is_assumed_where_the_variable_says_it(
    oet: FakeOET, run: Run, open_url: None, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("OET_SUBARRAY_ID", variable)
    assert run("procedure", "list").err == ""


def test_nothing_is_assumed_where_the_address_says_it(oet: FakeOET, run: Run) -> None:
    oet.add(1)
    assert run("procedure", "list").err == ""


def test_a_login_is_for_all_subarrays(oet: FakeOET, run: Run, open_url: None) -> None:
    assert [run(word).err for word in ("whoami", "login")] == ["", ""]


def test_the_variable_chooses_for_commands_and_for_the_python_client(
    oet: FakeOET, run: Run, open_url: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OET_SUBARRAY_ID", "2")
    with OETClient() as client:
        assert (client.subarray_id, "/oet/2/" in client.url) == (2, True)
    run("procedure", "list")
    run("procedure", "list", "--subarray_id=3")
    asked = [request.path for request in oet.requests]
    assert asked == ["/ska-oso-oet/oet/2/api/v1/procedures", "/ska-oso-oet/oet/3/api/v1/procedures"]


@pytest.mark.parametrize("variable", ["two", "0", "17", "1.5", "-1"])
def test_a_variable_that_names_no_subarray_is_wrong_usage(
    oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("OET_SUBARRAY_ID", variable)
    result = run("procedure", "list")
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert "OET_SUBARRAY_ID must be" in result.err
    assert not oet.requests


def test_a_variable_that_contradicts_the_address_is_wrong_usage(
    oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OET_SUBARRAY_ID", "2")
    result = run("procedure", "stop")
    assert result.status == 2
    assert "OET_SUBARRAY_ID=2 contradicts the server URL" in result.err
    assert not oet.requests
    assert run("procedure", "list", f"--server-url={oet.url}").status == 0  # what is typed wins

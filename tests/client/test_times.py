"""Times are UTC, whatever the clock of the terminal shows, and local where that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from ska_oso_oet_client.cli.times import Times

from ..support.fake_oet import Answer, FakeOET, status_json
from .conftest import Result
from .test_audit import entry

Run = Callable[..., Result]
IN_UTC = "2026-11-22 05:15:31"
HERE = "2026-11-22 07:15:31+02:00"


@pytest.fixture(autouse=True)
def johannesburg(oet: FakeOET, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Africa/Johannesburg")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("words", "in_utc", "local"),
    [
        ("procedure list", IN_UTC, HERE),
        ("procedure create file://x.py", IN_UTC, HERE),
        ("procedure start --listen=False", IN_UTC, HERE),
        ("procedure wait --pid=2", IN_UTC, HERE),
        ("procedure describe", f"{IN_UTC}.680000", "2026-11-22 07:15:31.680000+02:00"),
        ("activity list", IN_UTC, HERE),
        ("activity run a sbd-1 --listen=False", IN_UTC, HERE),
        ("activity describe", f"{IN_UTC}.680000", "2026-11-22 07:15:31.680000+02:00"),
        ("audit", IN_UTC, HERE),
        ("status", IN_UTC, HERE),
        ("drain", f"{IN_UTC} UTC", HERE),
    ],
)
def test_every_command_shows_utc_or_local_times_with_their_offset(
    oet: FakeOET, run: Run, words: str, in_utc: str, local: str
) -> None:
    oet.add(2, "COMPLETE")
    running = oet.add(3)
    oet.add_activity(1)
    oet.audit = [entry(1)]
    for before, after, shown in (
        ([], [], in_utc),
        (["--local"], [], local),
        ([], ["--local=True"], local),
        (["--local"], ["--no-local"], in_utc),
    ):
        oet.plan("GET", "/status", Answer(body=status_json(running=running)))
        out = run(*before, *words.split(), *after).out
        assert shown in out
        assert ("+02:00" in out) is (shown == local)


def test_the_help_says_so(run: Run) -> None:
    assert "Times in tables are UTC" in run("--help").out
    for words in ("procedure list", "activity describe", "audit", "environment list", "status"):
        assert "--local" in run(*words.split(), "--help").out


@pytest.mark.parametrize(
    ("words", "hour"),
    [
        (["--since=2026-11-22 07:00"], 7),
        (["--since=2026-11-22 07:00", "--local"], 5),
        (["--since=2026-11-22 07:00+01:00"], 6),
        (["--since=2026-11-22 07:00+01:00", "--local"], 6),
    ],
)
def test_times_are_read_as_they_are_shown(oet: FakeOET, run: Run, words: list[str], hour: int) -> None:
    run("audit", *words)
    expected = datetime(2026, 11, 22, hour, tzinfo=UTC).timestamp()
    assert float(oet.asked("GET", "/audit")[0].query["since"]) == expected


def test_a_time_that_no_calendar_has_is_shown_as_such() -> None:
    assert Times().to_the_second(1e30) == Times(local=True).to_the_second(-1e30) == "beyond all calendars"
    assert Times(local=True).to_the_microsecond(0.0) == "1970-01-01 02:00:00.000000+02:00"


@pytest.mark.parametrize("word", ["--ra=12", "--row=1", "--focal=2", "--vocal", "--no-ra"])
def test_scripts_may_have_arguments_that_are_nearly_called_so(oet: FakeOET, run: Run, word: str) -> None:
    oet.add(1)
    assert run("procedure", "start", "--listen=False", word).status == 0
    assert oet.asked("PUT")[0].body["script_args"]["main"]["kwargs"]


def test_where_there_are_no_scripts_a_slip_is_told(oet: FakeOET, run: Run) -> None:
    assert "did you mean --local?" in run("procedure", "list", "--locl").err
    assert "did you mean --raw?" in run("procedure", "logs", "--rwa").err

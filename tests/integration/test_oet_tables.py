"""Tables on terminals of common sizes, and in pipes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ..conftest import Server
from ..support.terminals import OET, Terminal

SIZES = [(80, 24), (120, 40)]
FAILS = "def main():\n    raise ValueError('it went wrong, ' + 'as it was to be expected, ' * 8)\n"
COLOUR = re.compile("\x1b\\[[0-9;]*m")


@pytest.fixture
def oet(server: Server) -> Terminal:
    return Terminal(server)


@pytest.fixture
def failed(oet: Terminal, tmp_path: Path) -> str:
    """A script with a long path that has failed with a long reason."""
    path = tmp_path / ("folder_" * 12) / "fails_early.py"
    path.parent.mkdir()
    path.write_text(FAILS)
    oet("procedure", "run", f"file://{path}", status=1)
    return f"file://{path}"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("words", [("list",), ("describe",)])
def test_tables_fit_the_terminal(
    oet: Terminal, failed: str, words: tuple[str, ...], size: tuple[int, int]
) -> None:
    with oet.typing("procedure", *words, size=size) as typing:
        told = COLOUR.sub("", typing.end())
    tables = told.partition("Stack Trace:")[0].splitlines()
    lines = [line for line in tables if " is meant" not in line]
    wide = [line for line in lines if len(line) > size[0]]
    if words == ("describe",):  # where the URI is whole, so that it can be copied
        wide = [line for line in wide if failed not in line and set(line) > {"-", " "}]
    else:
        assert "…" in told
    assert wide == []
    assert "fails_early.py" in told
    assert "FAILED" in told


def test_the_reason_is_a_paragraph_below_where_the_table_would_be_too_wide(
    oet: Terminal, failed: str
) -> None:
    with oet.typing("procedure", "describe") as typing:
        told = typing.end()
    said = " ".join(told.split())
    assert said.count("as it was to be expected,") >= 8
    assert not re.search("^Outcome.*Detail", told, re.M)


def test_without_a_terminal_nothing_is_cut(oet: Terminal, failed: str) -> None:
    oet.environ["COLUMNS"] = "40"
    told = oet("procedure", "list")
    assert failed in told
    assert "…" not in told
    assert "\x1b" not in told


@pytest.mark.parametrize("wish", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_is_for_terminals_that_want_it(oet: Terminal, failed: str, wish: dict[str, str]) -> None:
    with oet.typing("procedure", "list", **wish) as typing:
        told = typing.end()
    assert bool(COLOUR.search(told)) is (not wish)
    assert "FAILED" in told


def test_verbose_shows_requests_and_not_what_libraries_say_of_each_event(oet: Terminal, failed: str) -> None:
    words = [OET, "procedure", "run", failed, "--verbose"]
    told = subprocess.run(words, env=oet.environ, capture_output=True, text=True, timeout=60, check=False)
    assert "POST " in told.stderr
    assert "sseclient" not in told.stderr


def test_a_failure_is_told_with_its_place(oet: Terminal, failed: str) -> None:
    told = oet("procedure", "run", failed, status=1)
    (line,) = [line for line in told.splitlines() if "execution failed" in line]
    assert line.endswith("(fails_early.py line 2)")


def test_who_reads_a_failure_is_pointed_to_its_stack_trace(oet: Terminal, failed: str) -> None:
    told = oet("procedure", "run", failed, status=1)
    (pointer,) = re.findall(r"^The stack trace: oet (procedure describe --pid=\d+)$", told, re.M)
    assert "Stack Trace:" in oet(*pointer.split())


def test_a_list_tells_when_it_began_and_how_long_it_took(oet: Terminal, failed: str) -> None:
    heading, _, row = oet("procedure", "list", "--limit=1").splitlines()
    assert heading.split() == ["ID", "Script", "Creation", "time", "State", "Duration", "Started"]
    assert re.search(r" FAILED +after \d\.\d s +\d+(\.\d)? s ago$", row)
    with oet.typing("procedure", "list", "--limit=1", size=(60, 24)) as typing:
        told = COLOUR.sub("", typing.end())
    assert re.search(r"^      after \d\.\d s, started \d+(\.\d)? s ago$", told, re.M)


@pytest.mark.parametrize(
    ("zone", "local", "said"),
    [("UTC", (), False), ("Africa/Johannesburg", (), True), ("Africa/Johannesburg", ("--local",), False)],
)
def test_who_sits_in_another_zone_is_told_that_times_are_utc(
    oet: Terminal, failed: str, zone: str, local: tuple[str, ...], said: bool
) -> None:
    with oet.typing("procedure", "list", *local, TZ=zone) as typing:
        told = typing.end()
    assert ("Times are UTC; --local shows those of this terminal" in told) is said
    assert ("+02:00" in told) is bool(local)


def test_lists_show_what_is_asked_for(oet: Terminal, failed: str, tmp_path: Path) -> None:
    good = tmp_path / "good.py"
    good.write_text("def main():\n    pass\n")
    for _ in range(11):
        oet("procedure", "run", f"file://{good}")
    here = f"--script={tmp_path}"

    def rows(*options: str) -> list[str]:
        return [line for line in oet("procedure", "list", *options).splitlines() if "file://" in line]

    assert len(rows(here)) == 10
    assert len(rows(here, "--all")) == 12
    assert len(rows(here, "--all", "--limit=3")) == 3
    (one,) = rows(here, "--all", "--state=failed,stopped")
    assert failed in one
    assert rows(here, "--all", "--since=2030-01-01") == []
    assert len(rows(here, "--all", "--since=1h")) == 12
    assert "one already" in oet("procedure", "list", "1", "--state=FAILED", status=2)
    assert "No activity matches" in oet("activity", "list", "--all", "--state=FAILED")
    refused = oet("procedure", "list", "--state=SOMEHOW", status=3)
    assert "SOMEHOW" in refused or "COMPLETE" in refused

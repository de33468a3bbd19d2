"""Scripts with real libraries do under the OET what they do as plain Python, or better."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from ..conftest import Server
from .harness import NAMES, plain, title, under_oet

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "libraries.md"
SLACK = 1.5  #: seconds that a run may take longer: the machine is busy with the other one's end, too


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["end", "stop"])
@pytest.mark.parametrize("name", NAMES)
def test_a_script_does_under_the_oet_what_it_does_as_plain_python(
    observing: Server, tmp_path: Path, name: str, way: str
) -> None:
    results = []
    for folder in (tmp_path / "plain", tmp_path / "oet"):
        os.kill(int(os.environ["SLOW_PID"]), signal.SIGCONT)  # who was killed has left it frozen
        folder.mkdir()
        run = plain if folder.name == "plain" else lambda *args: under_oet(observing, *args)
        results.append(run(name, folder, way == "stop"))
    wanted, got = results
    for where, one in (("plain", wanted), ("oet", got)):
        killed = "killed, " if one.killed else ""
        sys.stdout.write(
            f"{title(name)} | {way} | {where} | {one.seconds:.2f} s | {killed}"
            f"cut short: {sorted(one.cut_short) or 'nothing'}, left: {one.left or 'nothing'}\n"
        )
    if (name, way) == ("with_numpy_hanging", "stop"):
        assert (got.killed, wanted.killed) == (True, True)
        return
    assert not got.cut_short, got.output
    assert not got.killed
    assert len(got.left) <= len(wanted.left)
    assert got.seconds < wanted.seconds + SLACK
    assert not wanted.seen - got.seen
    assert {file: wanted.files[file] for file in wanted.files} == {f: got.files.get(f) for f in wanted.files}


def test_the_page_for_users_has_a_row_for_each_of_these_scripts() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert sorted(rows[1:]) == sorted(map(title, NAMES))

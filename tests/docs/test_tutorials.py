"""What the tutorials show is what happens, and what those guides show that have a story."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ..oidc.conftest import providing
from ..support.person import Person
from ..support.provider import AUDIENCE, CLIENT
from .console import DifferentError, Terminal
from .pages import DOCS, ROOT

_INSTEAD = {"--port=45450": "--port=0"}


@contextlib.contextmanager
def sitting_at_a_terminal(
    tmp_path: Path, at_login: Callable[[str], None] | None = None, **settings: str
) -> Iterator[Terminal]:
    """Be somebody who has just checked the project out and installed it, on a computer where ports are taken.

    Nothing is done that the page does not show. Afterwards nothing may be left running.
    """
    home, checkout = tmp_path, tmp_path / "checkout"
    _check_out(checkout)
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(checkout),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "OET_PORT": "0",
        **settings,
    }
    try:
        with Terminal(checkout, environ, _INSTEAD, at_login) as terminal:
            yield terminal
    finally:
        left = [process for process in psutil.process_iter() if _home(process) == str(home)]
        for process in left:
            process.kill()
        if (state := checkout / "trial" / "state").is_mount():
            subprocess.run(["umount", "--lazy", state], check=True)
    assert not left


def _check_out(folder: Path) -> None:
    """The files of the project as they are now, and what `make install` would make."""
    named = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in named.split("\0"):
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv" / "bin").mkdir(parents=True)
    for program in Path(sys.executable).parent.iterdir():
        (folder / ".venv" / "bin" / program.name).symlink_to(program)
    (folder / ".venv" / ".installed").touch()


def _home(process: psutil.Process) -> str | None:
    with contextlib.suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.environ().get("HOME")
    return None


def test_the_tour_of_five_minutes(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow((ROOT / "README.md").read_text().partition("## A tour")[2].partition("\n## ")[0])


def test_the_first_script(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow((DOCS / "tutorials" / "first-script.md").read_text())


def test_pausing_watching_and_answering(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow((DOCS / "how-to" / "pausing.md").read_text())


@pytest.mark.long
def test_the_first_scheduling_block(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow((DOCS / "tutorials" / "first-scheduling-block.md").read_text())


@pytest.mark.long
def test_using_rest(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow((DOCS / "how-to" / "rest.md").read_text())


@pytest.mark.long
def test_checking(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow((DOCS / "how-to" / "check.md").read_text())


@pytest.mark.long
def test_running_something_once_more(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow((DOCS / "how-to" / "reruns.md").read_text())


@pytest.mark.long
def test_recovering_from_failures(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow((DOCS / "how-to" / "recovering.md").read_text())


def _log_in(said: str) -> None:
    if found := re.search(r"(http\S+)\s.*?enter the code (\S+)\n", said, re.DOTALL):
        Person("alice").visit(found[1], user_code=found[2])


@pytest.mark.long
def test_logging_in(tmp_path: Path) -> None:
    with providing(tmp_path) as provider:
        settings = {
            "OET_AUTH_ISSUER": provider.issuer,
            "OET_AUTH_AUDIENCE": AUDIENCE,
            "OET_AUTH_CLIENT_ID": CLIENT,
        }
        with sitting_at_a_terminal(tmp_path, _log_in, **settings) as terminal:
            terminal.follow((DOCS / "how-to" / "login.md").read_text())


def test_a_page_that_shows_something_else_is_noticed(tmp_path: Path) -> None:
    with sitting_at_a_terminal(tmp_path) as terminal:
        terminal.follow("```console\n$ echo one; echo two\n…\ntwo\n$ false\n$ echo $?\n1\n```\n")
        with pytest.raises(DifferentError, match="instead of"):
            terminal.follow("```console\n$ echo one\ntwo\n```\n")

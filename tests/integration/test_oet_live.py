"""What an operator sees while something takes its time: on terminals, and in logs of other programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ..conftest import Events, Server
from ..support.terminals import Terminal

SCRIPT = """
import sys
import time

def init(subarray_id, seconds=0):
    time.sleep(seconds)

def main(seconds=3600):
    print("begun", flush=True)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            time.sleep(max(0, until - time.monotonic()))
        except SystemExit:
            pass
"""
SIZES = [(80, 24), (120, 40)]
DRAWN = re.compile("\r\x1b\\[K([^\r\n\x1b]*)")


@pytest.fixture
def oet(server: Server) -> Terminal:
    return Terminal(server)


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / f"{'a_long_name_' * 12}script.py"
    path.write_text(SCRIPT)
    return f"file://{path}"


def screen(told: str) -> list[str]:
    """What is left on the terminal, where lines that were drawn anew have gone."""
    return [line.rpartition("\r\x1b[K")[2] for line in told.split("\n")]


@pytest.mark.parametrize("size", SIZES)
def test_what_a_script_is_at_is_the_last_line_with_its_seconds(
    oet: Terminal, script: str, size: tuple[int, int]
) -> None:
    with oet.typing("procedure", "run", script, "3", '--init_kwargs={"seconds": 3}', size=size) as typing:
        told = typing.end()
    drawn = DRAWN.findall(told)
    for function in ("init", "main"):
        assert any(re.fullmatch(rf"{function} is running \([1-3] s\)", line) for line in drawn)
    assert all(len(line) < size[0] for line in drawn if line.endswith(" s)"))
    assert not [line for line in screen(told) if " is running (" in line]
    assert "begun" in screen(told)


@pytest.mark.parametrize("size", SIZES)
def test_a_stop_tells_its_stages(server: Server, oet: Terminal, script: str, size: tuple[int, int]) -> None:
    events = Events(server, topics="procedure.output")
    oet("procedure", "run", script, "--listen=False")
    events.wait(lambda event: event["text"] == "begun\n")
    events.close()
    with oet.typing("procedure", "stop", "--run_abort=False", size=size) as typing:
        told = typing.end()
    drawn = DRAWN.findall(told)
    assert any(re.fullmatch(r"stopping procedure \d+: asked it to end \(\d s\)", line) for line in drawn)
    assert not [line for line in screen(told) if "asked it to end" in line]


def test_without_a_terminal_there_are_lines(server: Server, oet: Terminal, script: str) -> None:
    events = Events(server, topics="procedure.output")
    oet("procedure", "run", script, "--listen=False")
    events.wait(lambda event: event["text"] == "begun\n")
    events.close()
    told = oet("procedure", "stop", "--run_abort=False")
    assert re.search(r"^stopping procedure \d+: asked it to end \(1 s\)$", told, re.M)
    assert "\x1b" not in told


def test_a_dumb_terminal_gets_no_commands(oet: Terminal, script: str) -> None:
    with oet.typing("procedure", "run", script, "2", TERM="dumb") as typing:
        told = typing.end()
    assert "\x1b" not in told
    assert "begun" in told


@pytest.fixture
def freezing(server: Server) -> Iterator[Callable[[], None]]:
    """Freezes all of the server; it thaws afterwards."""
    assert server.process is not None
    whole = psutil.Process(server.process.pid)
    frozen = [
        whole,
        *(child for child in whole.children(recursive=True) if "forkserver" not in child.cmdline()),
    ]

    def freeze() -> None:
        for process in frozen:
            process.suspend()

    yield freeze
    for process in frozen:
        process.resume()


def test_a_server_that_says_nothing_is_told_with_its_seconds(
    oet: Terminal, script: str, freezing: Callable[[], None]
) -> None:
    with oet.typing("listen", "--format=log") as listening:
        listening.until("nothing has happened for 1 s")
        with oet.typing("procedure", "run", script) as following:
            following.until("begun\n")
            listening.until("begun")
            with (
                oet.typing("procedure", "logs", "--follow") as reading,
                oet.typing("procedure", "wait") as waiting,
            ):
                reading.until("begun\n")
                waiting.until("waiting for the end of procedure")
                freezing()
                with oet.typing("procedure", "list") as asking:
                    asking.until("waiting for the server (2 s)")
                for typing in (listening, following, reading, waiting):
                    typing.until("no word from the server for 2", timeout=60)

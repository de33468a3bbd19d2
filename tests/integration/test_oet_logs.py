"""`oet procedure logs` against a real server: which lines are shown, and each of them once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ..conftest import Server, until
from ..support.terminals import Terminal

PACED = """
import os, time

def main(go, late):
    for n in range(10):
        print(n, flush=True)
    print("half a line,", end="", flush=True)
    while not os.path.exists(go):
        time.sleep(0.005)
    print(" and the rest")
    for n in range(late):
        print(n, flush=True)
"""


@pytest.fixture
def oet(server: Server) -> Terminal:
    return Terminal(server)


@pytest.fixture(scope="module")
def printed(server: Server) -> int:
    pid = server.run("prints.py", 5)
    server.ended(pid)
    return pid


class Paced:
    """A script that has printed something and goes on when it is told to."""

    def __init__(self, server: Server, folder: Path, late: int = 3) -> None:
        self._go = folder / "go"
        (folder / "paced.py").write_text(PACED)
        self.pid = server.run(str(folder / "paced.py"), str(self._go), late)
        until(lambda: server.output(self.pid).endswith("half a line,"))

    def go_on(self) -> None:
        self._go.touch()


@pytest.mark.parametrize("lines", [0, 1, 2, 1000, 10**9])
@pytest.mark.parametrize("streams", ["", "stdout", "stderr"])
@pytest.mark.parametrize("follow", [False, True])
def test_so_many_last_lines_of_an_ended_script_are_shown(
    server: Server, oet: Terminal, printed: int, lines: int, streams: str, follow: bool
) -> None:
    whole = server.output(printed, stream=streams).splitlines(keepends=True)
    words = (f"--pid={printed}", f"--tail={lines}", f"--stream={streams}", f"--follow={follow}")
    assert oet("procedure", "logs", *words) == "".join(whole[max(0, len(whole) - lines) :])


@pytest.mark.parametrize(
    ("lines", "begin"),
    [(0, ""), (1, "half a line,"), (2, "9\nhalf a line,"), (3, "8\n9\nhalf a line,")],
)
def test_following_begins_with_so_many_lines_and_goes_on_with_what_comes(
    server: Server, oet: Terminal, tmp_path: Path, lines: int, begin: str
) -> None:
    script = Paced(server, tmp_path)
    words = (f"--pid={script.pid}", "--follow", f"--tail={lines}", "--verbose")
    with oet.open("procedure", "logs", *words, stderr=subprocess.PIPE) as logs:
        assert logs.stdout is not None
        assert logs.stderr is not None
        while "follow=true" not in logs.stderr.readline():
            pass
        script.go_on()
        assert logs.stdout.read() == begin + " and the rest\n0\n1\n2\n"


def test_nothing_is_missing_or_twice_where_lines_come_while_the_last_ones_are_read(
    server: Server, oet: Terminal, tmp_path: Path
) -> None:
    script = Paced(server, tmp_path, late=5000)
    script.go_on()
    told = [oet("procedure", "logs", f"--pid={script.pid}", "--follow", "--tail=3") for _ in range(2)]
    whole = server.output(script.pid, limit=2**20)
    assert [text.endswith("4998\n4999\n") and whole.endswith(text) for text in told] == [True, True]


def test_a_tail_that_takes_several_pages_is_whole(server: Server, oet: Terminal, tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("def main():\n    for n in range(9000):\n        print(n, '-' * 100)\n")
    pid = server.run(str(tmp_path / "long.py"))
    server.ended(pid)
    expected = "".join(f"{n} {'-' * 100}\n" for n in range(1000, 9000))
    assert oet("procedure", "logs", f"--pid={pid}", "--tail=8000") == expected
    assert oet("procedure", "logs", f"--pid={pid}", "--tail=8000", "--follow") == expected

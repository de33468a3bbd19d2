"""The picture of a terminal in the README: ``python -m docs.recording`` makes it from a run of the demo."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

_ROOT = Path(__file__).parents[1]
_PICTURE = _ROOT / "docs" / "_static" / "demo.svg"
_WIDTH = 104
#: What of the run is shown: from the first line to the line before the second.
_FROM, _TO = "== A second observation", "$ oet procedure list"
#: Fonts would be loaded from elsewhere.
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def run() -> str:
    """What the demonstration prints in a terminal.

    :raises subprocess.CalledProcessError: if it fails
    """
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(_WIDTH), "TERM": "xterm-256color"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    demo = subprocess.Popen(
        ["sh", "demo/demo.sh"],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = bytearray()
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # the terminal ends with its last program
        pass
    os.close(ours)
    if demo.wait():
        raise subprocess.CalledProcessError(demo.returncode, "make demo", said)
    return said.decode()


def _as_it_stays(line: str) -> str:
    """A line after everything that was written over it."""
    return line.rstrip("\r").rpartition("\r")[2].replace("\x1b[K", "")


def picture(text: str) -> str:
    """An SVG of the part that is shown."""
    lines = [_as_it_stays(line) for line in text.split("\n")]
    begin = next(n for n, line in enumerate(lines) if _FROM in line)
    end = next(n for n, line in enumerate(lines) if n > begin and _TO in line)
    console = Console(record=True, width=_WIDTH, file=io.StringIO())
    console.print(Text.from_ansi("\n".join(lines[begin:end]).strip("\n")), soft_wrap=False)
    return _FONTS.sub("", console.export_svg(title="make demo", unique_id="demo")) + "\n"


if __name__ == "__main__":
    _PICTURE.write_text(picture(run()))

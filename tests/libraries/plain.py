"""Runs a script as plain Python: ``plain.py SCRIPT FOLDER SECONDS``. SIGTERM raises what the OET raises."""

import importlib
import signal
import sys
from pathlib import Path
from types import FrameType


class Stopped(SystemExit):
    """As a script would write it that wants to clean up when it is told to end."""


def stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    script = Path(sys.argv[1])
    sys.path[0] = str(script.parent)
    module = importlib.import_module(script.stem)
    module.main(sys.argv[2], float(sys.argv[3]))

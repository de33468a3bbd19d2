"""`make bench`: how fast the OET is, as ratios to floors taken in the same run.

Floors: P, a bare ``python -c pass``; F, a bare view of Flask under gunicorn. Medians unless a line says
otherwise; n is stated. Absolute figures are given for orientation only: they change with the machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Server, serving

from . import auth, checks, environments, floors, load, metrics, pace, runs, streams
from .figures import Figure, table

PARTS: dict[str, Callable[[Server, floors.Floors], list[Figure]]] = {
    "runs": runs.measure,
    "stops": runs.measure_stops,
    "pace": pace.measure,
    "environments": environments.measure,
    "checks": checks.measure,
    "rest": load.measure,
    "auth": auth.measure,
    "metrics": metrics.measure,
    "streams": streams.measure,
    "whole": load.measure_whole,
}


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; all by default")
    parser.add_argument("--runs", type=int, default=1000, help="history behind the list figure")
    options = parser.parse_args()
    load.HISTORY = options.runs
    found = floors.take()
    print(f"P = {found.python * 1e3:.1f} ms (n=40), F = {found.flask * 1e3:.2f} ms (n=1000)\n")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for part in options.parts or PARTS:
            state = Path(folder) / part
            # The last one of the package's own defaults: a warm interpreter with tango.
            with serving(state, OET_PRELOAD="tango", OET_STOP_GRACE="2 s", LOG_LEVEL="ERROR") as server:
                figures += PARTS[part](server, found)
                sys.stderr.write(f"measured: {part}\n")
    print(table(figures))
    subprocess.run(["uname", "-sr"], check=False)


if __name__ == "__main__":
    main()

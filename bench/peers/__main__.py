"""`make bench-peers`: the OET beside blueapi and bluesky-queueserver, by one driver, in one run.

Every system runs the same job, which does nothing, on loopback. Rounds alternate between the systems, so that
all of them meet the same moods of the machine; ratios of their medians are what is compared.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from .programs import blueapi, oet, queueserver
from .systems import System

_BATCHES = 8  #: turns of each system
_ROUNDS = 25  #: jobs in one turn


class Times:
    """What was measured of one system, in seconds."""

    def __init__(self) -> None:
        self.rounds: list[float] = []  #: one job each, from the request to its end, the driver polling
        self.creates: list[float] = []
        self.reads: list[float] = []


def _turn(system: System, times: Times) -> None:
    system.connection.renew()
    system.read_any()
    began = time.perf_counter()
    for _ in range(_ROUNDS):
        at = time.perf_counter()
        job = system.create()
        times.creates.append(time.perf_counter() - at)
        system.prepared(job)
        system.begin(job)
        while not system.done(job):
            pass
    times.rounds.append((time.perf_counter() - began) / _ROUNDS)
    for _ in range(100):
        at = time.perf_counter()
        system.read_one(job)
        times.reads.append(time.perf_counter() - at)


def _row(name: str, values: list[float], unit: str, *, more_is_better: bool = False) -> str:
    ours = values[0]
    cells = [f"{value:.2f} {unit}" for value in values]
    ratios = [f"{ours / value:.2f}" for value in values[1:]]
    return f"| {name} | {' | '.join(cells)} | {' | '.join(ratios)} | {'more' if more_is_better else 'less'} |"


def main() -> None:
    """Measure all systems, and print a table in Markdown."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        systems: list[System] = []
        starts: list[float] = []
        for begin in (oet, blueapi, queueserver):
            system, took = stack.enter_context(begin(folder / begin.__name__))  # type: ignore[arg-type]
            systems.append(system)
            starts.append(took)
            sys.stderr.write(f"started: {system.name} {system.version}\n")
        memory = [system.memory() for system in systems]
        for system in systems:
            _turn(system, Times())  # not counted: the first jobs load what later ones have
        measured = [Times() for _ in systems]
        for batch in range(_BATCHES):
            for system, times in zip(systems, measured, strict=True):
                _turn(system, times)
            sys.stderr.write(f"measured: turn {batch + 1} of {_BATCHES}\n")
        print(table(systems, measured, starts, memory))


def table(
    systems: list[System], measured: list[Times], starts: list[float], memory: list[tuple[float, int]]
) -> str:
    """All figures as a Markdown table: values, and the ratio of ours to each peer's."""
    names = [f"{system.name} {system.version}" for system in systems]
    ratios = [f"OET / {system.name}" for system in systems[1:]]
    rates = [1 / statistics.median(times.rounds) for times in measured]
    creates = [statistics.median(times.creates) * 1e3 for times in measured]
    reads = [statistics.median(times.reads) * 1e3 for times in measured]
    n = _BATCHES * _ROUNDS
    lines = [
        f"| figure | {' | '.join(names)} | {' | '.join(ratios)} | better |",
        "|" + "---|" * (2 + len(names) + len(ratios)),
        _row(f"jobs per second, create to end (n={n})", rates, "/s", more_is_better=True),
        _row(f"create answered (n={n})", creates, "ms"),
        _row(f"read one job or the status (n={_BATCHES * 100})", reads, "ms"),
        _row("cold start to ready (n=1)", starts, "s"),
        _row("memory, PSS of all processes (n=1)", [size for size, _ in memory], "MiB"),
        f"| processes | {' | '.join(str(count) for _, count in memory)} |" + " |" * (len(ratios) + 1),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

"""How fast scripts from git and their environments are ready."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.conftest import Events, Server
from tests.support.repositories import Repository

from .figures import Figure, median_ms
from .floors import Floors
from .runs import Client, changed

_N = 20
_PROJECT = """
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"
[project]
name = "observing"
version = "1.{n}"
description = "A small project"
dependencies = ["click", "pypubsub"]
"""
_SCRIPT = "def main():\n    pass\n"


def measure(server: Server, floors: Floors) -> list[Figure]:
    """Environments are measured with a warm package cache: one is made before."""
    client, events = Client(server), Events(server, topics="procedure.lifecycle")
    with tempfile.TemporaryDirectory() as folder:
        known, *others = [_repository(Path(folder) / str(n)) for n in range(4)]
        _from_git(client, events, known)
        first = [_from_git(client, events, other) for other in others]
        new = []
        for n in range(3):
            known.commit({"pyproject.toml": _PROJECT.format(n=n + 1)})
            new.append(_from_git(client, events, known))
        commit = known.git("rev-parse", "HEAD")
        path = str(known.path / "a.py")
        files, again = [], []
        for _ in range(_N):
            time.sleep(0.05)  # the warm interpreter is replaced in the background
            began = time.perf_counter()
            files.append(_ready_after(events, began, client.create(path)))
            time.sleep(0.05)
            again.append(_from_git(client, events, known, git_commit=commit))
    events.close()
    return [
        _figure("first environment of a small project", first, 1.0, "s", 2.0),
        _figure("new commit of a known project", new, 1.0, "s", 1.5),
        _figure("same commit again, against a file", again, statistics.median(files), "×", 2.0),
    ]


def _figure(name: str, took: list[float], floor: float, unit: str, goal: float) -> Figure:
    value = statistics.median(took) / floor
    return Figure(name=name, value=value, unit=unit, goal=goal, absolute=median_ms(took), n=len(took))


def _repository(path: Path) -> Repository:
    made = Repository(path)
    made.commit({"pyproject.toml": _PROJECT.format(n=0), "observing.py": "", "a.py": _SCRIPT})
    return made


def _from_git(client: Client, events: Events, repository: Repository, **git_args: str) -> float:
    began = time.perf_counter()
    wanted = {
        "script_type": "git",
        "script_uri": "git://a.py",
        "create_env": True,
        "git_args": {"git_repo": repository.url, "git_branch": "main", **git_args},
    }
    pid = client.call("POST", "/procedures", {"script": wanted})["id"]
    return _ready_after(events, began, pid)


def _ready_after(events: Events, began: float, pid: int) -> float:
    events.wait(changed(pid, "READY"))
    took = time.perf_counter() - began
    events.all.clear()
    return took

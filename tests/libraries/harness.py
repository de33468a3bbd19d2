"""Runs a script under the OET and as plain Python, to its end or into a stop, and tells what it left."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import gzip
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from ..conftest import Server, until

SCRIPTS = Path(__file__).parent / "scripts"
PLAIN = Path(__file__).with_name("plain.py")
NAMES = sorted(path.stem for path in SCRIPTS.glob("with_*.py"))
GRACE = 5.0  #: seconds
LONG = 120.0  #: seconds that a script works which is stopped
SHORT = 0.3  #: seconds that one works which is not


def title(name: str) -> str:
    """What a script shows."""
    return (ast.get_docstring(ast.parse((SCRIPTS / f"{name}.py").read_text())) or "").rstrip(".")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a run."""

    seconds: float  #: from the stop, or from the mark ``here``, to its end
    killed: bool  #: whether it had to be
    begun: Counter[str]
    cleaned: Counter[str]
    seen: Counter[str]  #: all other marks
    files: dict[str, bytes]  #: what it has written
    left: tuple[str, ...]  #: processes, shared memory and temporary files that are still there
    output: str

    @property
    def cut_short(self) -> Counter[str]:
        """What was begun, and not cleaned up to its end."""
        return self.begun - self.cleaned


def plain(name: str, folder: Path, stop: bool) -> Result:
    """Run it as plain Python, with a handler that raises an exception."""
    label = uuid.uuid4().hex
    watch = _Leftovers()
    with open(folder.with_name(f"{folder.name}.output"), "w+") as output:
        process = subprocess.Popen(
            [sys.executable, PLAIN, SCRIPTS / f"{name}.py", folder, str(LONG if stop else SHORT)],
            env={**os.environ, "LIBRARIES_RUN": label},
            cwd=os.environ["TMPDIR"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        killed = False
        try:
            begin = _here(folder, lambda: process.poll() is None)
            if stop:
                begin = time.time()
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    killed = True
            else:
                process.wait(60)
        finally:
            process.kill()
            process.wait()
        seconds = time.time() - begin
        output.seek(0)
        text = output.read()
    left = watch.left(lambda: _wearing(LIBRARIES_RUN=label))
    for one in _wearing(LIBRARIES_RUN=label):
        one.kill()
    return _result(folder, seconds, killed, left, text)


def under_oet(server: Server, name: str, folder: Path, stop: bool) -> Result:
    """Run it under the OET."""
    watch = _Leftovers()
    pid = server.run(f"{name}.py", str(folder), LONG if stop else SHORT)
    begin = _here(folder, lambda: server.procedure(pid)["state"] == "RUNNING")
    if stop:
        assert server.stop_script(pid)["survivors"] == 0
    found = server.ended(pid, timeout=60)
    stages = dict(found["outcome"]["stages"])
    output = server.output(pid)
    assert found["state"] == ("STOPPED" if stop else "COMPLETE"), f"{found['outcome']}\n{output}"
    end = found["history"]["process_states"][-1][1]
    seconds = stages["verified"] - stages["intent"] if stop else end - begin
    left = watch.left(lambda: _wearing(OET_STATE_DIR=str(server.state), OET_PROCEDURE_ID=str(pid)))
    return _result(folder, seconds, found["outcome"]["signal"] == signal.SIGKILL, left, output)


def _here(folder: Path, runs: Callable[[], bool]) -> float:
    """Wait until the script may be stopped; returns when that was."""
    deadline = time.monotonic() + 60
    while True:
        for at, kind, _ in _marks(folder):
            if kind == "here":
                return at
        assert runs() or any(kind == "here" for _, kind, _ in _marks(folder)), "it ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _marks(folder: Path) -> list[tuple[float, str, str]]:
    with contextlib.suppress(FileNotFoundError):
        lines = (line.split(" ", 2) for line in (folder / "marks").read_text().splitlines())
        return [(float(at), kind, name) for at, kind, name in lines]
    return []


def _result(folder: Path, seconds: float, killed: bool, left: tuple[str, ...], output: str) -> Result:
    marks = _marks(folder)
    of = {kind: Counter(n for _, k, n in marks if k == kind) for kind in ("begun", "cleaned", "saw")}
    return Result(
        seconds=seconds,
        killed=killed,
        begun=of["begun"],
        cleaned=of["cleaned"],
        seen=of["saw"],
        files={path.name: _content(path) for path in folder.iterdir() if _counts(path)},
        left=left,
        output=output,
    )


def _counts(path: Path) -> bool:
    return path.name != "marks" and path.is_file()


def _content(path: Path) -> bytes:
    if path.suffix == ".gz":  # has the time of its making in it
        with contextlib.suppress(EOFError, gzip.BadGzipFile):
            return gzip.decompress(path.read_bytes())
    return path.read_bytes()


def _wearing(**environment: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if environment.items() <= process.environ().items() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


class _Leftovers:
    """Tells what was not there before a run."""

    def __init__(self) -> None:
        self._before = _things()

    def left(self, processes: Callable[[], list[psutil.Process]]) -> tuple[str, ...]:
        """What is still there after a moment; what others make in that moment is theirs."""
        left = _things() - self._before
        with contextlib.suppress(AssertionError):
            until(lambda: not (processes() or left & _things()), timeout=10)
        commands = []
        for process in processes():
            with contextlib.suppress(psutil.Error):
                commands.append(" ".join(process.cmdline()))
        return (*sorted(commands), *sorted(left & _things()))


def _things() -> set[str]:
    """Shared memory, but not that of databases, and temporary files."""
    places = (Path("/dev/shm"), Path(os.environ["TMPDIR"]))
    return {str(path) for place in places for path in place.iterdir() if "PostgreSQL" not in path.name}

"""A script's surroundings are those of a program that its user starts."""

from __future__ import annotations

import os
import stat
import subprocess
import sysconfig
from pathlib import Path

import psutil
import pytest

from ..conftest import Server, serving, until
from ..support.repositories import Repository


def test_lines_of_stdout_and_stderr_are_shown_as_they_were_written(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "alternates.py"
    script.write_text(
        "import sys\n"
        "def main():\n"
        "    for n in range(200):\n"
        "        print(n, file=sys.stdout if n % 3 else sys.stderr)\n"
    )
    for _ in range(3):
        pid = server.run(str(script))
        server.ended(pid)
        assert server.output(pid).split() == [str(n) for n in range(200)]


def test_helpers_that_have_ended_are_taken_leave_of_while_the_script_runs(
    server: Server, tmp_path: Path
) -> None:
    script = tmp_path / "helpers.py"
    script.write_text(
        "import subprocess, time\n"
        "def main():\n"
        "    for n in range(20):\n"
        "        subprocess.run('(true &) ; true', shell=True)\n"
        "    print('here', flush=True)\n"
        "    time.sleep(60)\n"
    )
    pid = server.run(str(script))
    until(lambda: "here" in server.output(pid))
    supervisor = psutil.Process(server.procedure(pid)["pid"]).parent()
    assert supervisor is not None

    def zombies() -> list[int]:
        listed = subprocess.run(
            ["ps", "-o", "pid=,stat=", "--ppid", f"{supervisor.pid}"], capture_output=True, text=True
        )
        return [int(pid) for pid, state in map(str.split, listed.stdout.splitlines()) if state[0] == "Z"]

    until(lambda: not zombies())
    assert server.procedure(pid)["state"] == "RUNNING"
    server.stop_script(pid)


@pytest.mark.parametrize("umask, mode", [("", 0o644), ("007", 0o660)])
def test_files_of_scripts_have_the_permissions_that_the_server_was_started_with_or_the_setting(
    tmp_path: Path, umask: str, mode: int
) -> None:
    script = tmp_path / "writes.py"
    script.write_text(f"def main():\n    open({str(tmp_path / 'data')!r}, 'w').write('x')\n")
    with serving(tmp_path / "state", OET_SCRIPT_UMASK=umask) as server:
        pid = server.run(str(script))
        assert server.ended(pid)["state"] == "COMPLETE"
        run = tmp_path / "state" / "runs" / str(pid)
        private = [path for path in (run.parent, run, *run.iterdir()) if path.name != "work"]
        assert [path for path in private if path.stat().st_mode & 0o077] == []
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == mode


def test_a_preloaded_numpy_uses_as_many_threads_as_it_does_elsewhere(tmp_path: Path) -> None:
    script = tmp_path / "counts.py"
    script.write_text(
        "import os, numpy\n"
        "def main():\n"
        "    before = len(os.listdir('/proc/self/task'))\n"
        "    big = numpy.ones((1000, 1000))\n"
        "    big @ big\n"
        "    print(len(os.listdir('/proc/self/task')) - before)\n"
    )
    with serving(tmp_path / "state", OET_PRELOAD="numpy", OPENBLAS_NUM_THREADS="2") as server:
        pid = server.run(str(script))
        server.ended(pid)
        assert server.output(pid) == "1\n"
        assert "started" not in server.log.read_text()


def test_no_module_is_taken_from_the_folder_that_the_server_was_started_in(tmp_path: Path) -> None:
    folder = tmp_path / "started-in"
    folder.mkdir()
    for name in ("sqlalchemy", "git", "pubsub", "flask"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'a').write({name!r})\n")
    (folder / "beside.py").write_text("")
    script = tmp_path / "imports.py"
    script.write_text("import importlib.util\ndef main():\n    print(importlib.util.find_spec('beside'))\n")
    repository = Repository(tmp_path / "repository")
    program = f"#!/bin/sh\necho git >> {tmp_path / 'taken'}\n"
    (repository.path / "git").touch(0o755)
    repository.commit({"git": program, "s.py": "def main():\n    pass\n"})
    for path in (folder / "git", *(folder / name for name in ("uv", "setpriv"))):
        path.write_text(program)
        path.chmod(0o755)
    server = Server(
        tmp_path / "state",
        PATH=f":.:{os.environ['PATH']}:",
        PYTHONPATH=f":{os.environ.get('PYTHONPATH', '')}:relative",
    )
    server.command = ("env", f"--chdir={folder}", os.path.join(sysconfig.get_path("scripts"), "oet-server"))
    try:
        server.start()
        for _ in range(2):
            server.wait_state(server.create_from_git("s.py", repository.url), "READY")
        pid = server.run(str(script))
        assert server.ended(pid)["state"] == "COMPLETE"
        assert server.output(pid) == "None\n"
    finally:
        server.stop()
    assert not (tmp_path / "taken").exists()

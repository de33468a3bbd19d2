"""The end of a script is the end of a Python program: it leaves what plain Python leaves."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import SCRIPTS, Server, serving, until
from ..support.repositories import Repository

ROWS = "".join(f"{n},3.14\n" for n in range(20))
SCRIPT = SCRIPTS / "ends.py"


def marks(folder: Path) -> dict[str, Any]:
    """What a run of the script has left."""
    memory = Path("/dev/shm", (folder / "memory").read_text())
    names = ("pool", "thread", "atexit", "destroyed")
    return {
        "text": (folder / "text.csv").read_text(),
        "packed": gzip.open(folder / "packed.gz", "rt").read(),
        "memory left": memory.exists(),
        **{name: (folder / name).read_text() if (folder / name).exists() else None for name in names},
    }


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_STOP_GRACE="20 s") as server:
        yield server


@pytest.mark.parametrize(
    "way, state", [("return", "COMPLETE"), ("raise", "FAILED"), ("exit", "COMPLETE"), ("wait", "STOPPED")]
)
def test_a_script_leaves_what_plain_python_leaves(
    patient: Server, tmp_path: Path, way: str, state: str
) -> None:
    for name in ("plain", "oet"):
        (tmp_path / name).mkdir()
    ending = "return" if way == "wait" else way
    subprocess.run([sys.executable, SCRIPT, tmp_path / "plain", ending], capture_output=True, timeout=60)
    pid = patient.run("ends.py", str(tmp_path / "oet"), way)
    if way == "wait":
        until(lambda: "here" in patient.output(pid))
        assert patient.stop_script(pid)["survivors"] == 0
    found = patient.ended(pid)
    assert found["state"] == state
    assert "kill" not in [name for name, _ in found["outcome"]["stages"]]
    assert marks(tmp_path / "oet") == marks(tmp_path / "plain")
    assert marks(tmp_path / "oet") == {
        "text": ROWS,
        "packed": ROWS,
        "memory left": False,
        "pool": "done",
        "thread": "done",
        "atexit": "called",
        "destroyed": "destroyed",
    }


def test_a_script_with_an_environment_of_its_own_ends_like_a_program(patient: Server, tmp_path: Path) -> None:
    (tmp_path / "oet").mkdir()
    repository = Repository(tmp_path / "repository")
    repository.commit({"ends.py": SCRIPT.read_text(), "requirements.txt": ""})
    source = {"script_type": "git", "script_uri": "git://ends.py", "create_env": True}
    body = {"script": {**source, "git_args": {"git_repo": repository.url}}}
    pid = patient.request("POST", "/procedures", json=body).json()["id"]
    patient.wait_state(pid, "READY", timeout=60)
    patient.start_main(pid, str(tmp_path / "oet"), "wait")
    until(lambda: "here" in patient.output(pid))
    patient.stop_script(pid)
    found = patient.ended(pid)
    assert (found["state"], found["outcome"]["signal"]) == ("STOPPED", signal.SIGTERM)
    left = marks(tmp_path / "oet")
    assert (left["text"], left["packed"], left["memory left"]) == (ROWS, ROWS, False)
    assert (left["thread"], left["destroyed"]) == ("done", "destroyed")


def test_what_goes_on_after_main_keeps_the_procedure_running(server: Server, tmp_path: Path) -> None:
    pid = server.run("ends.py", str(tmp_path), seconds=3600)
    until(lambda: "here" in server.output(pid))
    assert server.procedure(pid)["state"] == "RUNNING"
    answer = server.stop_script(pid)
    assert answer["survivors"] == 0
    assert server.procedure(pid)["outcome"]["reason"] == "stopped"


def test_a_script_that_outlasts_its_end_is_killed_and_not_completed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_END_GRACE="0.5 s") as server:
        found = server.ended(server.run("ends.py", str(tmp_path), seconds=3600))
        assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "timeout")
        assert "went on for 0.5 s (OET_END_GRACE)" in found["outcome"]["detail"]
        found = server.ended(server.run("ends.py", str(tmp_path), "raise", seconds=3600))
        assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "script_error")
        assert "went on for 0.5 s (OET_END_GRACE)" in found["outcome"]["detail"]


def test_an_interpreter_that_crashes_at_its_end_does_not_undo_what_is_complete(
    server: Server, tmp_path: Path
) -> None:
    outcome = server.ended(server.run("ends.py", str(tmp_path), "crash"))["outcome"]
    assert (outcome["reason"], outcome["exit_code"]) == ("completed", 0)
    assert outcome["detail"].startswith("its process was ended by SIGSEGV while Python was ending")


def test_a_process_that_ends_before_its_threads_have_is_not_complete(server: Server, tmp_path: Path) -> None:
    found = server.ended(server.run("ends.py", str(tmp_path), "leave", seconds=3600))
    assert (found["state"], found["outcome"]["exit_code"]) == ("FAILED", 3)


def test_a_ready_procedure_ends_like_a_program_when_it_is_stopped(own_server: Server, tmp_path: Path) -> None:
    script = tmp_path / "opens.py"
    script.write_text(
        f"kept = None\ndef init():\n    global kept\n    kept = open({str(tmp_path / 'rows')!r}, 'w')\n"
        "    kept.write('row')\ndef main(): ...\n"
    )
    pid = own_server.create(str(script))
    own_server.wait_state(pid, "READY")
    own_server.stop_script(pid)
    assert (tmp_path / "rows").read_text() == "row"
    assert own_server.procedure(pid)["outcome"]["signal"] == signal.SIGTERM


def test_the_excepthook_of_a_script_is_called(own_server: Server, tmp_path: Path) -> None:
    script = tmp_path / "hooked.py"
    script.write_text(
        "import sys\nsys.excepthook = lambda kind, error, trace: print('hook', kind.__name__, error)\n"
        "def main(): raise ValueError('no sky')\n"
    )
    pid = own_server.run(str(script))
    assert own_server.ended(pid)["state"] == "FAILED"
    assert own_server.output(pid) == "hook ValueError no sky\n"


@pytest.mark.parametrize("how", ["print('row', flush=True)", "logging.error('row')"])
def test_a_daemon_thread_that_prints_does_not_crash_the_end(
    own_server: Server, tmp_path: Path, how: str
) -> None:
    script = tmp_path / "prints.py"
    script.write_text(
        "import logging, threading, time\n"
        f"def work():\n    while True: {how}\n"
        "def main():\n    threading.Thread(target=work, daemon=True).start()\n    time.sleep(0.3)\n"
    )
    found = own_server.ended(own_server.run(str(script)))
    assert (found["state"], found["outcome"]["detail"]) == ("COMPLETE", None)

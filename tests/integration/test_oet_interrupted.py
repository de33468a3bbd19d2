"""Ctrl-C, a closed terminal, a lost connection: nothing is left that nobody will start, or it is said."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from ..conftest import Events, Server, serving, until
from ..support.terminals import OET, Terminal

SLOW = """
import time
from pubsub import pub

def init(subarray_id, name="x"):
    pub.sendMessage("user.script.announce", msg="initialising")
    time.sleep(3600)

def main():
    print("main")
"""
STUBBORN = (
    SLOW.replace("time.sleep(3600)", "hold()")
    + """
def hold():
    while True:
        try:
            time.sleep(3600)
        except SystemExit:
            pub.sendMessage("user.script.announce", msg="not yet")
"""
)
LONG = """
import time

def main():
    print("begun", flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def oet(server: Server) -> Terminal:
    return Terminal(server)


@pytest.fixture
def slow(tmp_path: Path) -> str:
    return _script(tmp_path, SLOW)


def _script(folder: Path, text: str) -> str:
    (folder / "script.py").write_text(text)
    return f"file://{folder / 'script.py'}"


def _last(server: Server) -> dict[str, object]:
    found: dict[str, object] = server.get("/procedures")[-1]
    return found


@pytest.mark.parametrize("listen", [True, False])
def test_ctrl_c_before_main_has_begun_stops_the_procedure_without_an_abort(
    server: Server, oet: Terminal, slow: str, listen: bool
) -> None:
    events = Events(server, topics="user.script.announce")
    with oet.typing("procedure", "run", slow, f"--listen={listen}") as typing:
        events.wait(lambda event: event["msg"] == "initialising")
        typing.ctrl_c()
        told = typing.end()
    events.close()
    last = _last(server)
    assert last["state"] == "STOPPED"
    assert told.endswith(
        f"\nProcedure {last['id']} has not run its main yet; stopping it. Ctrl-C once more leaves at once\n"
        f"Procedure {last['id']} is stopped, without an abort of the subarray\n"
    )
    assert typing.process.returncode == 130


def test_ctrl_c_while_the_repository_is_fetched_does_the_same(server: Server, oet: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        repository = f"http://127.0.0.1:{silent.getsockname()[1]}/x.git"
        with oet.typing("procedure", "run", "git://x.py", f"--git_repo={repository}") as typing:
            git, _ = silent.accept()
            with git:
                typing.ctrl_c()
                told = typing.end()
    last = _last(server)
    assert last["state"] == "STOPPED"
    assert f"Procedure {last['id']} is stopped" in told
    assert typing.process.returncode == 130


def test_ctrl_c_once_more_leaves_at_once_and_says_what_is_left(
    server: Server, oet: Terminal, tmp_path: Path
) -> None:
    events = Events(server, topics="user.script.announce")
    with oet.typing("procedure", "run", _script(tmp_path, STUBBORN)) as typing:
        events.wait(lambda event: event["msg"] == "initialising")
        typing.ctrl_c()
        events.wait(lambda event: event["msg"] == "not yet")
        typing.ctrl_c()
        told = typing.end()
    events.close()
    pid = _last(server)["id"]
    assert told.endswith(
        f"\nProcedure {pid} may still be there, and nobody will start it. "
        f"To stop it: oet procedure stop --pid={pid}\n"
    )
    assert typing.process.returncode == 130
    assert server.ended(int(str(pid)))["state"] == "STOPPED"


def test_ctrl_c_when_main_runs_stops_the_listening_only(
    server: Server, oet: Terminal, tmp_path: Path
) -> None:
    with oet.typing("procedure", "run", _script(tmp_path, LONG)) as typing:
        typing.until("begun\n")
        typing.ctrl_c()
        told = typing.end()
    pid = int(str(_last(server)["id"]))
    assert told.endswith(
        f"\nStopped listening; procedure {pid} goes on. To stop it: oet procedure stop --pid={pid}; "
        f"to rejoin: oet procedure logs --follow --pid={pid}\n"
    )
    assert server.procedure(pid)["state"] == "RUNNING"
    server.stop_script(pid)


def test_closing_the_terminal_before_main_has_begun_stops_the_procedure(
    server: Server, oet: Terminal, slow: str
) -> None:
    events = Events(server)
    with oet.typing("procedure", "run", slow) as typing:
        pid = events.wait(lambda event: event.get("msg") == "initialising")["msg_src"]
        typing.hang_up()
        events.wait(lambda event: event["topic"] == "procedure.lifecycle.stopped")
        assert typing.process.wait(30) == 128 + signal.SIGHUP
    events.close()
    assert server.procedure(int(pid))["state"] == "STOPPED"


@pytest.mark.parametrize("main_runs", [True, False])
def test_ending_oet_is_closing_its_terminal(
    server: Server, oet: Terminal, tmp_path: Path, main_runs: bool
) -> None:
    script = _script(tmp_path, LONG if main_runs else SLOW)
    with subprocess.Popen(
        [OET, "procedure", "run", script],
        env=oet.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        while run.stdout.readline() not in ("begun\n", "Script message: initialising\n"):
            pass
        run.send_signal(signal.SIGTERM)
        told = run.stderr.read()
    last = _last(server)
    assert (last["state"], "goes on" in told) == (("RUNNING", True) if main_runs else ("STOPPED", False))
    assert run.returncode == 128 + signal.SIGTERM
    if main_runs:
        server.stop_script(int(str(last["id"])))


def test_beside_a_script_that_runs_nothing_is_prepared(server: Server, oet: Terminal) -> None:
    running = server.run("diehard.py", "sleeping")
    for listen in ("True", "False"):
        told = oet("procedure", "run", "file://trivial.py", f"--listen={listen}", status=3)
        assert told == (
            f"Error: Cannot start another script on subarray 1: procedure {running} is RUNNING; "
            f"to stop that one: oet procedure stop --pid={running}\n"
        )
    assert _last(server)["id"] == running
    server.stop_script(running)


def test_a_start_that_is_refused_leaves_nothing_behind(server: Server, oet: Terminal, tmp_path: Path) -> None:
    go = tmp_path / "go"
    waits = f"while not os.path.exists({str(go)!r}):\n        time.sleep(0.01)"
    script = _script(tmp_path, "import os" + SLOW.replace("time.sleep(3600)", waits))
    with oet.open("procedure", "run", script, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        while run.stdout.readline() != "Script message: initialising\n":
            pass
        last = _last(server)
        running = server.run("diehard.py", "sleeping")
        go.touch()
        told = run.stderr.read()
    assert (run.returncode, server.procedure(int(str(last["id"])))["state"]) == (3, "STOPPED")
    assert told.endswith(
        f"Procedure {last['id']} has not run its main yet; stopping it. Ctrl-C leaves at once\n"
        f"Procedure {last['id']} is stopped, without an abort of the subarray\n"
        f"Error: Cannot start procedure {last['id']}: procedure {running} is RUNNING (subarray 1); "
        f"to stop that one: oet procedure stop --pid={running}\n"
    )
    server.stop_script(running)


def test_a_server_whose_rest_worker_has_just_died_is_asked_again(tmp_path: Path) -> None:
    slow = _script(tmp_path, SLOW)
    with serving(tmp_path / "state") as server:
        with Terminal(server).typing("procedure", "run", slow) as typing:
            typing.until("initialising")
            server.kill("rest")
            typing.ctrl_c()
            typing.end()
        until(lambda: server.procedure(1)["state"] == "STOPPED")

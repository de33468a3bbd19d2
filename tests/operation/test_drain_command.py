"""`oet-server drain`, which a pod calls before it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..auth.conftest import guarded, log_in
from ..conftest import Events, Server, serving, until
from ..support.issuer import Issuer

COMMAND = [sys.executable, "-u", "-m", "ska_oso_oet.server", "drain"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state") as found:
        yield found


@pytest.fixture(autouse=True)
def resumed(server: Server) -> Iterator[None]:
    yield
    server.request("POST", "/resume", json={})


def run(state: Path, *words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, f"--state-dir={state}", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,  # type: ignore[call-overload]
    )


class Beside:
    """The command, at work beside the test."""

    def __init__(self, state: Path, *words: str) -> None:
        command = [*COMMAND, f"--state-dir={state}", *words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def line(self) -> str:
        """What it says next."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def ended(self) -> tuple[int, str]:
        """Its status, and what it said last."""
        out, _ = self._process.communicate(timeout=60)
        return self._process.returncode, out


def sleeping(server: Server) -> int:
    events = Events(server, topics="user")
    pid = server.run("diehard.py", "sleeping")
    events.wait(lambda e: e.get("msg") == "here" and e["msg_src"] == str(pid))
    events.close()
    return pid


def user() -> str:
    import pwd

    return f"local user {pwd.getpwuid(os.getuid()).pw_name}"


def test_it_drains_and_does_not_wait_unless_told_to(server: Server) -> None:
    pid = sleeping(server)
    done = run(server.state, "--reason", "a new release")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Drained: no new work is taken\n", "")
    told = server.get("/status")["drain"]
    assert (told["drained"], told["reason"], told["by"]) == (True, "a new release", user())
    assert server.procedure(pid)["state"] == "RUNNING"
    server.stop_script(pid)


def test_where_nothing_runs_it_does_not_wait(server: Server) -> None:
    server.wait_state(server.create("diehard.py"), "READY")  # waits for a start, which will not come
    done = run(server.state, "--wait", "3600")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["Drained: no new work is taken", "Nothing runs"]


def test_it_waits_until_the_script_has_ended_and_its_abort_too(server: Server) -> None:
    pid = sleeping(server)
    command = Beside(server.state, "--wait=3600")
    command.line()
    assert command.line().startswith(f"Waiting for procedure {pid} (RUNNING); 3600 s at the most")
    abort = server.stop_script(pid, abort=True)["abort_procedure"]
    status, said = command.ended()
    assert (status, said.splitlines()[-1]) == (0, "Nothing runs")
    assert server.procedure(abort)["outcome"] is not None


def test_a_script_that_never_ends_is_not_waited_for_for_ever(server: Server) -> None:
    pid = sleeping(server)
    began = time.monotonic()
    done = run(server.state, "--wait", "0.5")
    assert time.monotonic() - began >= 0.5
    assert done.returncode == 0
    left = f"The time has passed; left to the end of the server: procedure {pid} (RUNNING)"
    assert done.stdout.splitlines()[-1] == left
    assert server.procedure(pid)["state"] == "RUNNING"
    assert server.stop_script(pid)["survivors"] == 0


def test_a_preparation_is_waited_for(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = tmp_path / "slow.py"
    wait = f"while not os.path.exists({str(gate)!r}):\n    time.sleep(0.01)"
    script.write_text(f"import os, time\n{wait}\ndef main():\n    pass\n")
    pid = server.create(str(script))
    server.wait_state(pid, "LOADING")
    command = Beside(server.state, "--wait=3600")
    command.line()
    assert command.line().startswith(f"Waiting for procedure {pid} (LOADING)")
    gate.touch()
    status, said = command.ended()
    assert (status, said.splitlines()[-1]) == (0, "Nothing runs")


def test_it_waits_on_while_workers_are_killed(server: Server) -> None:
    pid = sleeping(server)
    command = Beside(server.state, "--wait=3600")
    command.line()
    command.line()
    for role in ("ses", "bus", "rest"):
        server.kill(role)
    until(lambda: server.request("GET", "/status").status_code == 200)
    until(lambda: server.get("/status")["drain"]["drained"] is True)
    server.stop_script(pid)
    status, said = command.ended()
    assert (status, said.splitlines()[-1]) == (0, "Nothing runs")


def test_when_work_is_resumed_it_waits_no_longer(server: Server) -> None:
    pid = sleeping(server)
    command = Beside(server.state, "--wait=3600")
    command.line()
    command.line()
    server.request("POST", "/resume", json={})
    assert command.ended() == (0, "Work was resumed by somebody else; no longer waiting\n")
    server.stop_script(pid)


def test_it_is_on_record_like_every_command(server: Server) -> None:
    run(server.state, "--reason", "record me")
    until(lambda: server.get("/audit", limit=1)[0]["status"] == 200)
    entry = server.get("/audit", limit=1)[0]
    assert (entry["user"], entry["name"], entry["path"]) == (user(), "oet-server drain", "/drain")
    assert entry["what"] == '{"reason": "record me"}'


def test_it_needs_no_token_where_everybody_else_does(tmp_path: Path) -> None:
    issuer = Issuer().start()
    try:
        with guarded(tmp_path / "state", issuer) as server:
            assert run(server.state).returncode == 0
            assert server.request("POST", "/resume", json={}).status_code == 401
            log_in(server, issuer)
            assert server.get("/status")["drain"]["drained"]
            assert server.request("POST", "/resume", json={}).status_code == 200
    finally:
        issuer.stop()


@pytest.mark.parametrize("there", [True, False])
def test_without_a_server_it_says_so(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "server.lock").write_text("1")
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: no server has the state directory {tmp_path} in use; name another with OET_STATE_DIR\n"
    )


#: The interpreter itself may be for one user only, so it becomes another one when everything is loaded.
AS_ANOTHER_USER = """
import ctypes, os, sys
from ska_oso_oet import server
from ska_oso_oet.workers import draining
if os.getuid() == 0:
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
sys.exit(server.main(prog_name="oet-server"))
"""


def test_another_user_cannot_drain_it(server: Server) -> None:
    state = server.state
    if os.getuid() != 0:
        state = Path("/root/state")  # somebody else's
    command = [sys.executable, "-c", AS_ANOTHER_USER, "drain", f"--state-dir={state}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    told = "Permission denied; only the user who runs the server can drain it this way"
    assert done.stderr == f"Error: {state}/server.lock: {told}\n"
    assert done.returncode == 1
    assert not server.get("/status")["drain"]["drained"]
    modes = [(server.state / name).stat().st_mode & 0o777 for name in ("", "bus.sock", "server.lock")]
    assert modes == [0o700, 0o600, 0o600]


def test_it_says_when_the_server_ends_while_it_waits(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        sleeping(server)
        command = Beside(server.state, "--wait=3600")
        command.line()
        command.line()
        server.stop()
        status, said = command.ended()
        assert status == 0
        assert said.splitlines()[-1] in ("Nothing runs", "The server has ended")

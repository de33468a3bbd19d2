"""A real server that demands tokens, a real provider, and every command of a real terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..conftest import Server
from ..support.activities import Blocks, inline
from ..support.person import Person
from ..support.provider import SECRET, SERVICE, Provider

OET = str(Path(sys.executable).with_name("oet"))
REFUSED = 3
NOT_PERMITTED = 4


class Terminal:
    """A user's terminal, with a state directory of its own."""

    def __init__(self, server: Server, home: Path) -> None:
        self.home = home
        self._environ = {**os.environ, "OET_URL": server.url, "XDG_STATE_HOME": str(home)}

    def __call__(self, *words: str, status: int = 0, **environ: str) -> str:
        """Run a command; returns what it says."""
        done = subprocess.run(
            [OET, *words],
            env={**self._environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
        )
        said = done.stdout + done.stderr
        assert done.returncode == status, f"{words}: {done.returncode}\n{said}"
        assert "Traceback" not in said
        return said

    def log_in(self, person: Person, *options: str) -> str:
        """Log in, as somebody who opens the link the command shows."""
        asking = subprocess.Popen(
            [OET, "login", *options],
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert asking.stderr is not None
        shown = ""
        for line in asking.stderr:
            shown += line
            link = re.search(r"https?://\S+", shown)
            code = re.search(r"enter the code (\S+)", shown)
            if link and ("--device" not in options or code):
                person.visit(link[0], code[1] if code else "")
                break
        said, rest = asking.communicate(timeout=60)
        assert asking.returncode == 0, shown + rest
        return said


@pytest.fixture
def terminal(demanding: Server, tmp_path: Path) -> Terminal:
    return Terminal(demanding, tmp_path)


def test_after_a_login_every_command_works_and_after_a_logout_none(
    terminal: Terminal, demanding: Server
) -> None:
    assert "oet login" in terminal("procedure", "list", status=NOT_PERMITTED)
    terminal.log_in(Person("alice"), "--no-browser")
    assert "Alice" in terminal("whoami")
    assert "everybody" in terminal("procedure", "run", "file://hello_world.py", "everybody")
    created = terminal("procedure", "create", "file://long_observation.py")
    pid = created.splitlines()[2].split()[0]
    terminal("procedure", "start", f"--pid={pid}", "--listen=False")
    assert "RUNNING" in terminal("procedure", "list")
    terminal("procedure", "stop", f"--pid={pid}", "--run_abort=False")
    terminal("procedure", "wait", f"--pid={pid}", status=1)
    assert "alice" in terminal("procedure", "describe", f"--pid={pid}", "--output=json")
    terminal("procedure", "logs", f"--pid={pid}", "--tail=5")
    Blocks(demanding).add("sbd-1", {"observe": inline("def main():\n    print('observing')\n")})
    assert "observing" in terminal("activity", "run", "observe", "sbd-1")
    assert "COMPLETE" in terminal("activity", "describe")
    terminal("activity", "list")
    terminal("wait_for_qa_ready", "disable")
    assert "by alice: maintenance" in terminal("drain", "--reason=maintenance")
    assert "oet resume" in terminal("procedure", "create", "file://hello_world.py", status=REFUSED)
    terminal("resume")
    terminal("environment", "list")
    assert "Wait for QA" in terminal("status")
    audit = terminal("audit")
    assert audit.count("Alice") >= 5
    terminal("logout")
    assert "oet login" in terminal("procedure", "list", status=NOT_PERMITTED)
    assert not any("eyJ" in path.read_text() for path in terminal.home.rglob("*") if path.is_file())


def test_a_login_by_code_works(terminal: Terminal) -> None:
    terminal.log_in(Person("alice"), "--device")
    assert "Hello, Alice!" in terminal("procedure", "run", "file://hello_world.py", "Alice")


def test_who_may_only_read_may_not_command(terminal: Terminal, issuing: Provider) -> None:
    token = issuing.login("bob", "openid offline_access oet:read")["access_token"]
    terminal("procedure", "list", OET_TOKEN=token)
    said = terminal("procedure", "create", "file://hello_world.py", status=NOT_PERMITTED, OET_TOKEN=token)
    assert "you need the permission 'execute'" in said


def test_the_operators_of_the_other_telescope_are_refused(terminal: Terminal, issuing: Provider) -> None:
    token = issuing.login("mallory", "openid offline_access")["access_token"]
    said = terminal("procedure", "list", status=NOT_PERMITTED, OET_TOKEN=token)
    assert "you need the permission 'read'" in said


def test_a_program_needs_no_login(terminal: Terminal) -> None:
    secrets = {"OET_CLIENT_ID": SERVICE, "OET_CLIENT_SECRET": SECRET}
    assert "Hello, robot!" in terminal("procedure", "run", "file://hello_world.py", "robot", **secrets)


def test_the_renewal_of_a_token_is_not_noticed(terminal: Terminal, issuing: Provider) -> None:
    issuing.settings(access_token_ttl=2)
    try:
        terminal.log_in(Person("alice"), "--no-browser")
        expired = time.time() + 2
        while time.time() <= expired:
            terminal("procedure", "list")
        assert "Hello, again!" in terminal("procedure", "run", "file://hello_world.py", "again")
        following = terminal("procedure", "run", "file://long_observation.py", "--scans=6", "--seconds=0.5")
        assert "scan 6 of 6" in following
    finally:
        issuing.settings(access_token_ttl=300)

"""A script is not the server: what it may not do fails, and what real scripts do works, however isolated."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.kernel import landlock
from ska_oso_oet.procedures.isolation_policy import closed_to

from ..conftest import SCRIPTS, Server, serving, until
from ..support.activities import Activities, Blocks, inline
from ..support.repositories import serving_over_http
from .test_environments import BUILD, project, sees

UID, GID = 54321, 54322
#: What this machine can do: only root gives scripts another account, which must reach this interpreter.
REACHED = not any(closed_to(UID, GID, path) for path in (sys.prefix, sys.base_prefix))
MODES = [
    *(["landlock"] if landlock.version() >= landlock.SCOPES else []),
    *(["uid"] if REACHED and not os.geteuid() else []),
]
ORDINARY = ("setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups")
#: Root that may do no more than others, where others cannot reach this interpreter.
IN_NAME_ONLY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
REFUSED = {"PermissionError", "ConnectionError", "ConnectionResetError", "BrokenPipeError", "OSError"}


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextlib.contextmanager
def reachable() -> Iterator[Path]:
    """A folder that every account can reach, as those of pytest cannot be."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", ignore_cleanup_errors=True) as path:
        os.chmod(path, 0o755)
        shutil.copytree(SCRIPTS, Path(path, "scripts"))
        yield Path(path)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a server of a test's own."""
    with reachable() as found:
        yield found


@pytest.fixture(scope="module")
def place(mode: str) -> Iterator[Path]:
    """The folder of the server that keeps scripts apart."""
    with reachable() as found:
        yield found


@pytest.fixture(scope="module")
def isolated(place: Path, mode: str) -> Iterator[Server]:
    """A server that keeps scripts apart, for all tests of a mode."""
    for name in ("reads", "writes"):
        Path(place, name).mkdir()
        Path(place, name).chmod(0o777)
    Path(place, "scripts", "more").mkdir()
    for name in ("passwords", "more/passwords"):
        Path(place, "scripts", name).write_text("https://me:hunter2@127.0.0.1\n")
        Path(place, "scripts", name).chmod(0o600)
    if mode == "landlock":
        with ordinary(place, mode) as server:
            yield server
    else:
        with serving(place / "state", **settings(place, mode)) as server:
            yield server


@contextlib.contextmanager
def ordinary(folder: Path, mode: str, **more: str) -> Iterator[Server]:
    """A server that is not root, as in a container; at least not with what root may do."""
    state = folder / "state"
    server = Server(state, **settings(folder, mode, HOME=str(folder), **more))
    if REACHED and not os.geteuid():
        state.mkdir()
        for path in (state, *(folder / "scripts").rglob("passwords")):
            os.chown(path, UID, GID)
        server.command = (*ORDINARY, *Server.command)
    elif not os.geteuid():
        server.command = (*IN_NAME_ONLY, *Server.command)
    try:
        yield server.start()
    finally:
        server.stop()
    assert not server.processes()


def settings(folder: Path, mode: str, **more: str) -> dict[str, str]:
    return {
        "OET_SCRIPT_ISOLATION": mode,
        "OET_SCRIPT_ACCOUNT": f"{UID}:{GID}",
        "OET_SCRIPT_READS": str(folder / "reads"),
        "OET_SCRIPT_WRITES": str(folder / "writes"),
        "OET_GIT_CREDENTIALS": str(folder / "scripts" / "passwords"),
        "SCRIPTS_LOCATION": str(folder / "scripts"),
        "PGPASSFILE": str(folder / "scripts" / "more" / "passwords"),
        "SSH_AUTH_SOCK": str(folder / "agent"),
        **more,
    }


def written(server: Server, text: str, name: str = "written.py", wait: bool = True) -> int:
    """Run a script; return its id once it has ended, or at once."""
    Path(server.settings["SCRIPTS_LOCATION"], name).write_text(text)
    pid = server.create(name)
    found = server.wait_state(pid, "READY", "FAILED")
    assert found["state"] == "READY", found["history"]["stacktrace"]
    server.start_main(pid)
    if wait:
        server.ended(pid)
    return pid


def done(server: Server, *deeds: list[Any]) -> set[str]:
    """What of some deeds a hostile script could do."""
    pid = server.run("hostile.py", list(deeds))
    assert server.ended(pid)["state"] == "COMPLETE", server.output(pid)
    told: dict[str, str] = json.loads(server.output(pid, stream="stdout"))
    assert len(told) == len(deeds)
    assert all(value in REFUSED or value.startswith("done") for value in told.values()), told
    return {name for name, value in told.items() if value.startswith("done")}


def test_the_packaged_scripts_run_beside_scripts_of_ones_own(isolated: Server) -> None:
    pid = isolated.run("hello_world.py", "everybody")
    assert isolated.ended(pid)["state"] == "COMPLETE", isolated.output(pid)
    detail = isolated.ended(isolated.run("abort.py"))["outcome"]["detail"]
    assert "mid-tmc/subarray/01 cannot be reached" in detail


def test_a_script_is_led_to_its_own_folders_and_to_no_helper_of_the_server(isolated: Server) -> None:
    pid = written(
        isolated,
        "import os\ndef main():\n    print(*map(os.environ.get, ('SSH_AUTH_SOCK', 'HOME', 'TMPDIR')))\n",
    )
    run = f"{isolated.state}/runs/{pid}"
    assert isolated.output(pid) == f"None {run}/work {run}/tmp\n"


# -- what a hostile script tries --------------------------------------------------------------------------


def test_a_script_sees_nothing_of_the_state_directory_and_of_other_runs(isolated: Server) -> None:
    other = isolated.create("trivial.py")
    isolated.wait_state(other, "READY")
    state, run = str(isolated.state), f"{isolated.state}/runs/{other}"
    assert (
        done(
            isolated,
            *([deed, f"{state}/journal.db"] for deed in ("read", "append", "remove", "link")),
            ["list", state],
            ["make", f"{state}/new"],
            *([deed, f"{run}/spec.json"] for deed in ("read", "append", "remove")),
            ["read", f"{run}/events.jsonl"],
            ["list", f"{run}/work"],
            ["make", f"{run}/work/new"],
        )
        == set()
    )


def test_a_script_neither_signals_nor_inspects_the_server_nor_other_scripts(
    isolated: Server, mode: str
) -> None:
    other = isolated.create("trivial.py")
    isolated.wait_state(other, "READY")
    others = {process.pid: process.name() for process in isolated.processes()}
    assert {"oet-forkserver", f"oet-super-{other}", "oet-script"} <= set(others.values())
    deeds = [[deed, pid] for pid in others for deed in ("signal", "memory", "environment")]
    mine = isolated.run("hostile.py", deeds)
    isolated.ended(mine)
    told = json.loads(isolated.output(mine, stream="stdout"))
    own = next(record for record in _records(isolated, mine) if record["kind"] == "ready")["pid"]
    assert {name for name, value in told.items() if value not in REFUSED} <= {
        f"{deed} {own}" for deed in ("signal", "memory", "environment")
    }


def test_a_script_says_nothing_on_the_bus_and_gives_no_orders(isolated: Server) -> None:
    other = isolated.create("trivial.py")
    isolated.wait_state(other, "READY")
    hello = {"op": "hello", "name": "SESWorker", "key": "", "topics": None}
    assert (
        done(
            isolated,
            ["connect", f"{isolated.state}/bus.sock", hello],
            ["connect", f"{isolated.state}/runs/{other}/control", {"op": "follow", "after": 0}],
        )
        == set()
    )
    assert isolated.procedure(other)["state"] == "READY"


def test_a_script_takes_no_lease_which_others_would_wait_for_and_reaches_no_keyring(isolated: Server) -> None:
    deeds = [["lease", "../spec.json"], ["make", "mine"], ["lease", "mine"], ["keyring"]]
    deeds.append(["lease", isolated.settings["SCRIPTS_LOCATION"] + "/trivial.py"])
    assert done(isolated, *deeds) == {"make mine"}


def test_a_script_puts_its_mark_on_no_other_process(isolated: Server) -> None:
    account = ORDINARY if REACHED and not os.geteuid() else ()  # that of the script
    other = subprocess.Popen([*account, "sleep", "600"])
    try:
        assert done(isolated, ["limit", other.pid], ["make", "limited"]) == {"make limited"}
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_passwords_are_hidden_wherever_their_file_lies(isolated: Server) -> None:
    location = isolated.settings["SCRIPTS_LOCATION"]
    assert done(
        isolated,
        ["read", f"{location}/passwords"],
        ["read", f"{location}/more/passwords"],
        ["read", f"{location}/trivial.py"],
    ) == {f"read {location}/trivial.py"}
    pid = written(isolated, "import os\ndef main():\n    print(*os.environ)\n")
    assert not {"OET_GIT_CREDENTIALS", "OET_DATABASE_URL"} & set(isolated.output(pid).split())


def test_a_build_may_do_no_more_than_its_script(isolated: Server, place: Path) -> None:
    tries = (
        "import os\nfrom setuptools import setup\n"
        "found = []\n"
        f"for path in ({str(isolated.state / 'journal.db')!r}, {str(place / 'scripts' / 'passwords')!r}):\n"
        "    try:\n        open(path).close()\n        found.append(path)\n"
        "    except OSError:\n        pass\n"
        "for path in (os.environ.get('NETRC', '/dev/null'),):\n"
        "    try:\n        found += [path] if open(path).read() else []\n"
        "    except OSError:\n        pass\n"
        "pid = os.getppid()\n"
        "while pid > 1:\n"
        "    try:\n"
        "        for n in (n for n in os.listdir(f'/proc/{pid}/fd') if int(n) >= 700):\n"
        "            try:\n                found.append(os.readlink(f'/proc/{pid}/fd/{n}'))\n"
        "            except OSError:\n                pass\n"
        "    except OSError:\n        pass\n"
        "    try:\n"
        "        pid = int(open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1])\n"
        "    except OSError:\n"
        "        break\n"
        "open('found.py', 'w').write(f'FOUND = {found!r}')\n"
        "setup(name='observing', version='1.0', py_modules=['found'])\n"
    )
    shows = "import found\ndef main():\n    print(found.FOUND)\n    open(found.__file__, 'a')\n"
    repository = project(place / "hostile", **{"setup.py": tries, "pyproject.toml": BUILD, "shows.py": shows})
    _share(place / "hostile", isolated)
    pid = isolated.create_from_git("shows.py", repository.url, create_env=True)
    found = isolated.wait_state(pid, "READY", "FAILED", timeout=100)
    assert found["state"] == "READY", found["history"]["stacktrace"]
    isolated.start_main(pid)
    assert isolated.ended(pid)["outcome"]["detail"].startswith("PermissionError")
    assert isolated.output(pid, stream="stdout").splitlines()[-1] == "[]"


def test_nothing_is_run_or_fetched_from_where_scripts_write(isolated: Server, place: Path) -> None:
    pid = written(isolated, "def main():\n    open('again.py', 'w').write('def main(): pass')\n")
    work = isolated.state / "runs" / str(pid) / "work"
    project(place / "writes" / "project")
    for script in (
        {"script_type": "filesystem", "script_uri": f"file://{work}/again.py"},
        {
            "script_type": "git",
            "script_uri": "git://sees.py",
            "git_args": {"git_repo": f"file://{place}/writes/project"},
        },
    ):
        answer = isolated.request("POST", "/procedures", json={"script": script})
        assert answer.status_code == 422, answer.text
        assert "lies where scripts write, or in the state directory" in answer.json()["detail"]


def test_a_script_from_git_holds_none_of_the_locks_of_what_it_shares(server: Server, tmp_path: Path) -> None:
    shows = (
        "import os\n"
        "def main():\n"
        "    for fd in sorted(map(int, os.listdir('/proc/self/fd'))):\n"
        "        try:\n            print(os.readlink(f'/proc/self/fd/{fd}'))\n"
        "        except OSError:\n            pass\n"
    )
    repository = project(tmp_path / "project", **{"shows.py": shows})
    for create_env in (False, True):
        pid = server.create_from_git("shows.py", repository.url, create_env=create_env)
        server.wait_state(pid, "READY", timeout=100)
        server.start_main(pid)
        assert server.ended(pid)["state"] == "COMPLETE"
        assert ".lock" not in server.output(pid, stream="stdout")


# -- what real scripts do ---------------------------------------------------------------------------------


def test_a_script_has_room_for_its_files_and_those_that_are_named(isolated: Server, place: Path) -> None:
    (place / "reads" / "catalogue").write_text("stars\n")
    text = (
        "import multiprocessing, os, subprocess, tempfile\n"
        "from multiprocessing import shared_memory\n"
        "import sibling\n"
        "def double(n):\n    return 2 * n\n"
        "def main():\n"
        "    open('here', 'w').write('here')\n"
        "    print(open('here').read(), os.path.exists(os.path.expanduser('~')))\n"
        "    with tempfile.NamedTemporaryFile() as file:\n        print(file.write(b'123'))\n"
        f"    open({str(place / 'writes' / 'result')!r}, 'w').write('result')\n"
        f"    print(open({str(place / 'reads' / 'catalogue')!r}).read().strip())\n"
        "    memory = shared_memory.SharedMemory(create=True, size=8)\n"
        "    memory.close()\n    memory.unlink()\n"
        "    with multiprocessing.Pool(2) as pool:\n        print(pool.map(double, [1, 2]))\n"
        "    told = subprocess.run(['sh', '-c', 'echo $HOME > /dev/null; echo shell'], capture_output=True)\n"
        "    print(told.stdout)\n"
    )
    pid = written(isolated, text)
    assert isolated.procedure(pid)["state"] == "COMPLETE", isolated.output(pid)
    assert isolated.output(pid, stream="stdout").splitlines() == [
        "here True", "3", "stars", "[2, 4]", "b'shell\\n'",
    ]  # fmt: skip
    assert (place / "writes" / "result").read_text() == "result"


def test_a_stop_reaches_an_isolated_script_and_leaves_nobody(isolated: Server) -> None:
    text = (
        "import subprocess, sys, time\n"
        "def main():\n"
        "    for _ in range(3):\n"
        "        subprocess.Popen(['setsid', 'sleep', '1000'])\n"
        "    print('ready', flush=True)\n"
        "    try:\n        time.sleep(1000)\n"
        "    except SystemExit as stop:\n        print('told', stop.reason)\n        raise\n"
    )
    Path(isolated.settings["SCRIPTS_LOCATION"], "waits.py").write_text(text)
    pid = isolated.run("waits.py")
    _until_printed(isolated, pid, "ready")
    answer = isolated.stop_script(pid)
    assert answer["survivors"] == 0
    assert isolated.output(pid, stream="stdout").splitlines()[-1] == "told stop"
    assert not [p for p in isolated.processes() if p.name() == "sleep"]


def test_an_isolated_script_is_taken_over_and_stopped(isolated: Server) -> None:
    pid = written(isolated, "import time\ndef main():\n    time.sleep(1000)\n", wait=False)
    isolated.worker("ses").send_signal(signal.SIGKILL)
    isolated.stop_script(pid)
    assert isolated.procedure(pid)["state"] == "STOPPED"
    assert not [p for p in isolated.processes() if p.name() == f"oet-super-{pid}"]


def test_a_script_from_git_has_its_environment(isolated: Server, place: Path) -> None:
    repository = project(place / "project")
    _share(place / "project", isolated)
    version, prefix = sees(isolated, repository, "observing")
    assert version == "observing 1.0"
    assert prefix.startswith(str(isolated.state / "environments"))
    assert sees(isolated, repository, "observing") == [version, prefix]  # made once
    assert not list((isolated.state / "runs").glob("*/tmp/cache"))


def test_an_activity_hands_its_block_to_an_isolated_script(isolated: Server) -> None:
    content = "def main(sb_json, **kwargs):\n    print(open(sb_json).read(1))\n"
    blocks = Blocks(isolated)
    blocks.add("sbd-1", {"observe": inline(content)})
    _share(blocks.folder, isolated)
    activities = Activities(isolated)
    ended = activities.ended(activities.run("sbd-1")["id"])
    assert ended["state"] == "COMPLETE", ended
    assert isolated.output(ended["procedure_id"], stream="stdout") == "{\n"


def test_nothing_is_handed_to_a_script_because_its_arguments_name_it(isolated: Server, folder: Path) -> None:
    secret = folder / "secret" / "file"
    secret.parent.mkdir(mode=0o700)
    secret.write_text("secret")
    secret.chmod(0o600)
    content = "def init(sb_json):\n    print(open(sb_json).read())\ndef main(**kwargs):\n    pass\n"
    blocks = Blocks(isolated)
    blocks.add("sbd-1", {"observe": inline(content)})
    _share(blocks.folder, isolated)
    activities = Activities(isolated)
    ended = activities.ended(
        activities.run("sbd-1", script_args={"init": {"kwargs": {"sb_json": str(secret)}}})["id"]
    )
    assert ended["state"] == "FAILED"
    assert "PermissionError" in isolated.procedure(ended["procedure_id"])["outcome"]["detail"]
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.stat().st_gid != GID


def test_a_state_directory_behind_a_link_is_as_good_as_another(folder: Path, mode: str) -> None:
    project(folder / "project")
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    with serving(folder / "link" / "state", **settings(folder, mode, OET_GIT_CREDENTIALS="")) as server:
        assert written(server, "def main():\n    open('here', 'w')\n")
        pid = server.create_from_git("sees.py", f"file://{folder}/project", create_env=True)
        found = server.wait_state(pid, "READY", "FAILED", timeout=100)
        assert found["state"] == "READY", found["outcome"]


def test_credentials_reach_git_through_a_descriptor(folder: Path, mode: str) -> None:
    project(folder / "project")
    passwords = folder / "passwords"
    with serving_over_http(folder, password="hunter2") as address:  # noqa: S106
        passwords.write_text(address.replace("://", "://observer:hunter2@") + "\n")
        passwords.chmod(0o600)
        with serving(
            folder / "state", **settings(folder, mode, OET_GIT_CREDENTIALS=str(passwords))
        ) as server:
            pid = server.create_from_git("sees.py", f"{address}/project")
            server.wait_state(pid, "READY")
            server.start_main(pid, "nothing")
            assert server.ended(pid)["state"] == "COMPLETE", server.output(pid)


# -- a server that cannot isolate scripts says so ---------------------------------------------------------

LANDLOCK = {"OET_SCRIPT_ISOLATION": "landlock"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"OET_SCRIPT_ISOLATION": "jail"}, "OET_SCRIPT_ISOLATION='jail' cannot be used"),
        ({"OET_SCRIPT_ISOLATION": "uid"}, "OET_SCRIPT_ACCOUNT='' names none"),
        ({"OET_SCRIPT_ISOLATION": "uid", "OET_SCRIPT_ACCOUNT": "nobody-here"}, "names none"),
        ({"OET_SCRIPT_ISOLATION": "uid", "OET_SCRIPT_ACCOUNT": "root"}, "neither root nor"),
        ({"OET_SCRIPT_ISOLATION": "uid", "OET_SCRIPT_ACCOUNT": "1:2:3"}, "OET_SCRIPT_ACCOUNT='1:2:3' cannot"),
        ({**LANDLOCK, "OET_SCRIPT_WRITES": "/"}, "OET_SCRIPT_WRITES names /"),
        (
            {**LANDLOCK, "OET_SCRIPT_WRITES": "/opt/a", "HOME": "/opt/a/b"},
            "/opt/a/b in it",
        ),
        ({**LANDLOCK, "OET_SCRIPT_WRITES": "STATE/runs"}, "which lies in"),
        (
            {**LANDLOCK, "OET_SCRIPT_WRITES": f"{os.path.dirname(os.__file__)}/x"},
            "which lies in",
        ),
        (
            {**LANDLOCK, "OET_GIT_CREDENTIALS": "/dev/shm/passwords"},  # noqa: S108,S106
            "scripts share /dev/shm, and /dev/shm/passwords",
        ),
    ],
)
def test_what_is_not_possible_is_told_at_the_start(
    tmp_path: Path, given: dict[str, str], sentence: str
) -> None:
    state = str(tmp_path / "state")
    given = {name: value.replace("STATE", state) for name, value in given.items()}
    environment = {**os.environ, "OET_STATE_DIR": state, "OET_PORT": "0", **given}
    command = [sys.executable, "-m", "ska_oso_oet.server"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def _share(folder: Path, server: Server) -> None:
    """Let the server's account use a folder; git takes no repository of another's."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
        if server.command[: len(ORDINARY)] == ORDINARY:
            os.chown(path, UID, GID)


def _records(server: Server, pid: int) -> list[dict[str, Any]]:
    lines = (server.state / "runs" / str(pid) / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _until_printed(server: Server, pid: int, text: str) -> None:
    until(lambda: text in server.output(pid))


def test_a_script_that_is_not_isolated_finds_the_server_private(folder: Path) -> None:
    """It has the same account, and still neither passwords nor a voice on the bus."""
    passwords = {"PGPASSWORD": "hunter2", "OET_ODA_URL": "https://me:hunter2@127.0.0.1/ns/oda/api/v1"}
    with ordinary(folder, "none", OET_GIT_CREDENTIALS="", **passwords) as server:
        others = {process.pid: process.name() for process in server.processes()}
        secret = [pid for pid, name in others.items() if name != "oet-script"]
        assert len(secret) >= 7
        hello = {"op": "hello", "name": "SESWorker", "key": "", "topics": None}
        deeds = [[deed, pid] for pid in secret for deed in ("memory", "environment", "descriptors")]
        assert done(server, *deeds, ["connect", f"{server.state}/bus.sock", hello]) == set()
        pid = written(server, "import os\ndef main():\n    print(*os.environ.values())\n", "shows.py")
        assert "hunter2" not in server.output(pid)


def test_the_bus_turns_away_who_has_no_key(server: Server) -> None:
    """Also where scripts are not isolated: a script's process is no worker."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.state / "bus.sock"))
        connection.sendall(
            b'{"op":"publish","batch":[],"at":null}\n{"op":"read","rid":1,"what":"peers","query":{}}\n'
        )
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            connection.recv(100)


def test_what_an_isolated_script_has_written_can_be_fetched(isolated: Server) -> None:
    text = "import os\ndef main():\n    open('x', 'w').write('mine')\n    os.chmod('x', 0o600)\n"
    pid = written(isolated, f"{text}    os.symlink('../spec.json', 'link')\n")
    (found,) = isolated.get(f"/procedures/{pid}/files")["files"]
    answer = isolated.request("GET", f"/procedures/{pid}/files/x", headers={"Accept": "*/*"})
    assert (found["path"], answer.text) == ("x", "mine")
    assert (
        isolated.request("GET", f"/procedures/{pid}/files/link", headers={"Accept": "*/*"}).status_code == 404
    )


def test_the_account_of_scripts_has_a_greatest_number_of_processes() -> None:
    enter = (
        "import resource\n"
        "from ska_oso_oet.kernel.isolation import Isolation, interpreter\n"
        "from ska_oso_oet.kernel.linux import libc\n"
        "interpreter(), libc()\n"  # what that account may not be able to import
        f"Isolation(mode='uid', uid={UID}, gid={GID}).enter()\n"
        "print(resource.getrlimit(resource.RLIMIT_NPROC))"
    )
    said = subprocess.run([sys.executable, "-c", enter], capture_output=True, text=True, timeout=60)
    if os.geteuid():  # only root gives scripts another account
        assert "PermissionError" in said.stderr
    else:
        assert said.stdout == "(4096, 4096)\n", said.stderr


def test_a_check_may_do_no_more_than_a_run_and_leaves_nothing(isolated: Server, place: Path) -> None:
    text = (
        "import os\n"
        "open('room', 'w').close()\n"
        "try:\n    os.listdir({state!r})\n"
        "except OSError as error:\n    refused = type(error).__name__\n"
        "def main(x: int = refused): pass\n"
    )
    path = place / "scripts" / "checked.py"
    path.write_text(text.format(state=str(isolated.state)))
    path.chmod(0o644)
    script = {"script_type": "filesystem", "script_uri": f"file://{path}"}
    answer = isolated.request("POST", "/procedures/check", json={"script": script})
    assert answer.json()["problems"] == []
    (parameter,) = answer.json()["schema"]["main"]["parameters"]
    assert parameter["type"]["default"] == "PermissionError"
    assert not list((isolated.state / "checks").iterdir())
    Blocks(isolated).add("sbd-checked", {"observe": inline("def main(sb_json): pass")})
    body = {"activity_name": "observe", "sbd_id": "sbd-checked"}
    assert isolated.request("POST", "/procedures/check", json=body).json()["valid"]

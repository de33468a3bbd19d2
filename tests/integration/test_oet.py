"""The guide, from the outside: `oet` against a real server."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Server, serving
from ..support.terminals import Terminal


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the packaged example scripts."""
    with serving(tmp_path_factory.mktemp("oet") / "state", SCRIPTS_LOCATION="") as server:
        yield server


@pytest.fixture
def oet(packaged: Server) -> Terminal:
    return Terminal(packaged)


def test_the_tour_of_the_guide(oet: Terminal, packaged: Server) -> None:
    created = oet("procedure", "create", "file://hello_world.py")
    heading, rule, row, told = created.splitlines()
    assert heading.split() == ["ID", "Script", "Creation", "time", "State"]
    assert set(rule) == {"-", " "}
    pid, script = row.split()[:2]
    assert script == "file://hello_world.py"
    assert told == f"Procedure {pid} (file://hello_world.py) is CREATING on subarray 1"

    started = oet("procedure", "start", f"--pid={pid}", "bob")  # at once: it gets time to be READY
    events = started.index("Events\n------\n")
    assert started.index("started execution on subarray 1", events) < started.index("Hello, bob!", events)
    assert f"Procedure {pid} (file://hello_world.py) execution complete on subarray 1" in started
    assert re.search(r" COMPLETE +in \d\.\d s$", started.rstrip())

    described = oet("procedure", "describe", f"--pid={pid}")
    lines = [line.split() for line in described.splitlines()]
    assert ["INITIALISING", "1"] in [line[2:] for line in lines]
    assert ["RUNNING", "2"] in [line[2:] for line in lines]
    assert ["1", "init", "[]", "{'subarray_id':", "1}"] in lines
    assert ["2", "main", "['bob']", "{}"] in lines
    assert oet("procedure", "logs", f"--pid={pid}") == "Prepared for subarray 1\nHello, bob!\n"


def test_the_exit_status_tells_how_the_script_ended(oet: Terminal) -> None:
    oet("procedure", "run", "file://hello_world.py")
    failed = oet("procedure", "run", "file://failing.py", status=1)
    assert "execution failed on subarray 1: ZeroDivisionError: division by zero" in failed
    assert "Stack Trace:" in oet("procedure", "describe")
    oet("procedure", "wait", status=1)


def test_a_running_script_is_stopped_without_naming_it(oet: Terminal, packaged: Server) -> None:
    pid = int(oet("procedure", "create", "file://long_observation.py").splitlines()[2].split()[0])
    packaged.wait_state(pid, "READY")
    oet("procedure", "start", "--listen=False", "--seconds=0.1")
    told = oet("procedure", "stop", status=1)
    assert f"Successfully stopped script with ID {pid}\n" in told  # and not that it was aborted
    assert "THE SUBARRAY WAS NOT ABORTED" in told
    assert "mid-tmc/subarray/01 cannot be reached" in told
    assert "Cleaning up" in oet("procedure", "logs", f"--pid={pid}")
    oet("procedure", "stop", status=3)


def test_refusals_are_one_sentence_and_a_status(oet: Terminal) -> None:
    for words, status in (
        (("procedure", "create", "file://no_such.py"), 3),
        (("procedure", "create", "http://x.py"), 2),
        (("procedure", "create", "file://x.py", "--git_branch=main"), 2),
        (("procedure", "describe", "--pid=999"), 3),
        (("procedure", "start", "--pid=999"), 3),
        (("procedure", "list", "--subarray_id=2"), 3),
        (("--server-url=http://127.0.0.1:9/ska-oso-oet/oet/1/api/v1", "procedure", "list"), 5),
    ):
        told = oet(*words, status=status)
        assert told.startswith("Error: ") or "Usage" in told, told


def test_following_ends_with_130_on_ctrl_c_and_leaves_the_script_alone(
    oet: Terminal, packaged: Server
) -> None:
    words = ("procedure", "run", "file://long_observation.py", "--seconds=0.05", "--scans=1000")
    with oet.open(*words) as following:
        assert following.stdout is not None
        for line in following.stdout:
            if "scan 2 of" in line:
                break
        following.send_signal(signal.SIGINT)
    assert following.returncode == 130
    running = next(p for p in packaged.get("/procedures") if p["state"] == "RUNNING")
    packaged.stop_script(running["id"])


def test_following_shows_everything_though_the_server_restarts(tmp_path: Path) -> None:
    with serving(tmp_path / "state", SCRIPTS_LOCATION="") as server:
        oet = Terminal(server)
        told = ""
        words = ("procedure", "run", "file://long_observation.py", "--seconds=0.05", "--scans=60")
        with oet.open(*words) as following:
            assert following.stdout is not None
            for line in following.stdout:
                told += line
                if "scan 5 of" in line:
                    server.kill("rest")
                if "scan 25 of" in line:
                    server.kill("ses")
        assert following.returncode == 0
        scans = [line for line in told.splitlines() if line.startswith("Script message: scan")]
        assert scans == [f"Script message: scan {n} of 60" for n in range(1, 61)]
        assert told.count("All scans done\n") == 1


def test_listen_shows_events_as_in_the_guide(oet: Terminal, packaged: Server) -> None:
    packaged.ended(packaged.run("hello_world.py"))
    with oet.open("listen", "--from-id=0") as listening:
        assert listening.stdout is not None
        told = [line for line, _ in zip(listening.stdout, range(30), strict=False)]
        listening.send_signal(signal.SIGINT)
    assert listening.returncode == 130
    assert told[0] == "event: worker.started\n"
    assert told[1].startswith("data: args=() kwargs={'")
    assert "'msg_src': 'Arbiter'" in told[1]


def test_status_tells_what_is_going_on(oet: Terminal) -> None:
    told = oet("status")
    for word in ("Subarray", "SESWorker", "Version", "Running"):
        assert word in told

"""What SIGKILL cannot end is told: in the answer, the outcome and the stream; and again once it is gone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from ..conftest import Events, Server, serving, until
from ..support.freezer import Freezer

GRACE = 2.0


@pytest.fixture
def freezer() -> Iterator[Freezer]:
    found = Freezer()
    yield found
    found.close()


@pytest.fixture
def oet(tmp_path: Path) -> Iterator[Server]:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "helped.py").write_text(
        "import subprocess, time\n"
        "def main():\n"
        "    helper = subprocess.Popen(['sleep', '1000'])\n"
        "    print(helper.pid, flush=True)\n"
        "    time.sleep(1000)\n"
    )
    (scripts / "abort.py").write_text("def main(subarray_id):\n    print('aborted', subarray_id)\n")
    with serving(tmp_path / "state", SCRIPTS_LOCATION=str(scripts), OET_STOP_GRACE=f"{GRACE} s") as server:
        yield server


def frozen_helper(server: Server, freezer: Freezer) -> tuple[int, int]:
    pid = server.run("helped.py")
    until(lambda: server.output(pid))
    helper = int(server.output(pid))
    freezer.freeze(helper)
    return pid, helper


def test_a_stop_that_cannot_end_everything_says_so_in_time_and_aborts(oet: Server, freezer: Freezer) -> None:
    events = Events(oet)
    pid, helper = frozen_helper(oet, freezer)
    asked = time.monotonic()
    answer = oet.put(pid, state="STOPPED", abort=True).json()
    assert time.monotonic() - asked < GRACE + 5
    assert answer["survivors"] == 1
    assert answer["survivor_processes"] == [
        {"pid": helper, "command": "sleep 1000", "state": "D (disk sleep)"}
    ]
    found = oet.procedure(pid)
    assert found["state"] == "STOPPED"
    words = f"SIGKILL could not end process {helper} (sleep 1000), in state D (disk sleep)"
    assert words in found["outcome"]["detail"]
    assert [stage for stage, _ in found["outcome"]["stages"]][-1] == "survivors"
    assert oet.ended(answer["abort_procedure"])["state"] == "COMPLETE"
    assert oet.output(answer["abort_procedure"]) == "aborted 1\n"
    told = events.wait(lambda e: e["topic"] == "procedure.survivors.found")
    assert (told["pid"], told["survivors"]) == (pid, answer["survivor_processes"])
    assert oet.put(pid, state="STOPPED").status_code == 409
    metrics = requests.get(f"{oet.url.split('/ska-oso-oet')[0]}/metrics", timeout=10).text
    assert re.search(r"^oet_stop_survivors_total(\{.*\})? 1\.0$", metrics, re.MULTILINE)
    freezer.thaw()
    gone = events.wait(lambda e: e["topic"] == "procedure.survivors.gone")
    assert gone["pid"] == pid
    until(lambda: not psutil.pid_exists(helper))
    events.close()
    done = [e for e in events.all if e["topic"] == "procedure.lifecycle.created"]
    assert [e["result"]["id"] for e in done] == [pid, answer["abort_procedure"]]


def test_a_script_that_is_frozen_itself_is_named_as_the_script(oet: Server, freezer: Freezer) -> None:
    pid = oet.run("helped.py")
    until(lambda: oet.output(pid))
    freezer.freeze(oet.procedure(pid)["pid"])
    asked = time.monotonic()
    answer = oet.stop_script(pid)
    assert time.monotonic() - asked < GRACE + 5
    assert [found["command"] for found in answer["survivor_processes"]] == [
        "the script itself, file://helped.py"
    ]
    outcome = oet.procedure(pid)["outcome"]
    assert outcome["detail"].startswith("stopped on request; SIGKILL could not end process ")


def test_what_outlives_a_script_that_ends_by_itself_is_told_before_its_end(
    oet: Server, freezer: Freezer, tmp_path: Path
) -> None:
    go_on = tmp_path / "go on"
    script = tmp_path / "scripts" / "leaves.py"
    script.write_text(
        "import os, subprocess, time\n"
        "def main():\n"
        "    print(subprocess.Popen(['sleep', '1000']).pid, flush=True)\n"
        f"    while not os.path.exists({str(go_on)!r}):\n"
        "        time.sleep(0.01)\n"
    )
    events = Events(oet)
    pid = oet.run("leaves.py")
    until(lambda: oet.output(pid))
    freezer.freeze(int(oet.output(pid)))
    go_on.touch()
    found = oet.ended(pid)
    assert found["state"] == "COMPLETE"
    assert "SIGKILL could not end" in found["outcome"]["detail"]
    events.wait(lambda e: e["topic"] == "procedure.lifecycle.complete")
    events.close()
    told = events.topics("procedure.")
    assert told.index("procedure.survivors.found") < told.index("procedure.lifecycle.complete")


def test_survivors_are_watched_without_using_the_processor(oet: Server, freezer: Freezer) -> None:
    pid, _ = frozen_helper(oet, freezer)
    assert oet.stop_script(pid)["survivors"] == 1
    watching = supervisor_of(oet, pid)
    before = sum(watching.cpu_times()[:2])
    with pytest.raises(psutil.TimeoutExpired):
        watching.wait(1)
    assert sum(watching.cpu_times()[:2]) - before <= 0.02
    freezer.thaw()
    watching.wait(10)


def test_that_survivors_are_gone_is_told_after_a_restart_of_the_server(oet: Server, freezer: Freezer) -> None:
    pid, helper = frozen_helper(oet, freezer)
    assert oet.stop_script(pid)["survivors"] == 1
    oet.kill("ses")
    oet.ready()
    assert oet.procedure(pid)["state"] == "STOPPED"
    events = Events(oet)
    assert oet.ended(oet.run("abort.py", 1))["state"] == "COMPLETE"
    freezer.thaw()
    assert events.wait(lambda e: e["topic"] == "procedure.survivors.gone")["pid"] == pid
    events.close()
    assert not psutil.pid_exists(helper)


def test_a_supervisor_that_hangs_as_well_does_not_hold_up_the_answer(oet: Server, freezer: Freezer) -> None:
    pid, helper = frozen_helper(oet, freezer)
    supervisor_of(oet, pid).suspend()
    asked = time.monotonic()
    answer = oet.stop_script(pid)
    assert time.monotonic() - asked < GRACE + 8
    assert [found["pid"] for found in answer["survivor_processes"]] == [helper]
    assert oet.procedure(pid)["state"] == "STOPPED"


@pytest.mark.parametrize("after", ["", "ses"])
def test_that_survivors_are_gone_is_told_without_their_supervisor(
    oet: Server, freezer: Freezer, after: str
) -> None:
    pid, helper = frozen_helper(oet, freezer)
    assert oet.stop_script(pid)["survivors"] == 1
    supervisor_of(oet, pid).kill()
    if after:
        oet.kill(after)
        oet.ready()
    events = Events(oet)
    freezer.thaw()
    assert events.wait(lambda e: e["topic"] == "procedure.survivors.gone")["pid"] == pid
    events.close()
    assert [e["topic"] for e in events.all].count("procedure.survivors.gone") == 1
    until(lambda: not psutil.pid_exists(helper))


def supervisor_of(server: Server, pid: int) -> psutil.Process:
    """The supervisor of a procedure, by the name that it goes by."""
    return next(p for p in server.processes() if p.name() == f"oet-super-{pid}")

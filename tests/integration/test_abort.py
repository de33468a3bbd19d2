"""Stop with abort: the abort script runs next, as a procedure of its own; its failure is loud."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Events, Server, serving, until
from ..support.terminals import Terminal

ABORT = """
from pubsub import pub

def main(subarray_id):
    pub.sendMessage("user.script.announce", msg=f"aborting subarray {subarray_id}")
"""


@pytest.fixture(scope="module")
def third(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("third")
    (folder / "abort.py").write_text(ABORT)
    settings = {"OET_ABORT_SCRIPT": str(folder / "abort.py"), "OET_SUBARRAY_ID": "3"}
    with serving(folder / "state", **settings) as server:
        yield server


@pytest.fixture
def aborting(third: Server) -> Iterator[Server]:
    """A server with an abort script that works, on which nothing runs."""
    yield third
    _end_all(third)


def _end_all(server: Server) -> None:
    """Leave nothing that lives to the next test."""
    for procedure in server.get("/procedures"):
        if procedure["outcome"] is None:
            server.put(procedure["id"], state="STOPPED", stop_abort=True)  # unless it has just ended
            server.ended(procedure["id"])


def test_the_abort_script_runs_with_the_subarray_of_this_oet(aborting: Server) -> None:
    events = Events(aborting)
    pid = aborting.run("diehard.py", "sleeping")
    answer = aborting.stop_script(pid, abort=True)
    message = f"Successfully stopped script with ID {pid} and aborted subarray activity"
    assert answer["abort_message"] == message
    abort = answer["abort_procedure"]
    found = aborting.ended(abort)
    assert found["state"] == "COMPLETE"
    assert found["script_args"]["main"] == {"args": [], "kwargs": {"subarray_id": 3}}
    assert (found["aborts"], aborting.procedure(pid)["aborts"]) == (pid, None)
    events.wait(lambda e: e.get("msg") == "aborting subarray 3" and e["msg_src"] == str(abort))
    stopped = next(e for e in events.all if e["topic"] == "procedure.lifecycle.stopped")
    created = [e for e in events.all if e["topic"] == "procedure.lifecycle.created"]
    assert stopped["seq"] < next(e["seq"] for e in created if e["result"]["id"] == abort)
    assert aborting.ended(aborting.run("trivial.py"))["state"] == "COMPLETE"
    events.close()


#: The clock of a process, beside which a file has the seconds that it is ahead.
CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static long ahead(void) {
    char text[32] = "";
    int file = open(getenv("CLOCK_AHEAD"), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    long got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? atol(text) : 0;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME && getenv("CLOCK_AHEAD")) now->tv_sec += ahead();
    return failed;
}
"""


def test_a_clock_that_is_set_during_a_stop_cancels_no_abort(tmp_path: Path) -> None:
    (tmp_path / "abort.py").write_text(ABORT)
    source, library, ahead = (tmp_path / name for name in ("clock.c", "clock.so", "ahead"))
    source.write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    ahead.write_text("0")
    clock = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(ahead)}
    abort = {"OET_ABORT_SCRIPT": str(tmp_path / "abort.py"), "OET_SUBARRAY_ID": "3"}
    with serving(tmp_path / "state", **clock, **abort) as server:
        events = Events(server)
        pid = server.run("diehard.py", "ignores_sigterm")
        events.wait(lambda e: e.get("msg") == "here")
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(server.stop_script, pid, True)
            events.wait(lambda e: e.get("stage") == "terminate")
            ahead.write_text(str(24 * 3600))
            assert server.ended(stopping.result()["abort_procedure"])["state"] == "COMPLETE"
        events.close()


def test_nothing_can_be_started_between_a_stop_and_its_abort(aborting: Server) -> None:
    pid = aborting.run("diehard.py", "sleeping")
    other = aborting.create("diehard.py")
    aborting.wait_state(other, "READY")
    start = {"state": "RUNNING", "script_args": {"main": {"args": ["sleeping"]}}}
    with ThreadPoolExecutor(2) as pool:
        stopping = pool.submit(aborting.stop_script, pid, True)
        refused = 0
        while not stopping.done():
            answer = aborting.put(other, **start)
            if answer.status_code == 200:
                break
            refused += 1
        abort = aborting.procedure(stopping.result()["abort_procedure"])
    states = dict(reversed([(s, at) for s, at in abort["history"]["process_states"]]))
    if aborting.procedure(other)["state"] == "RUNNING":
        started = dict(aborting.procedure(other)["history"]["process_states"])["RUNNING"]
        assert started >= aborting.ended(abort["id"])["history"]["process_states"][-1][1]
    assert "RUNNING" in states


def test_two_stops_with_abort_abort_once(aborting: Server) -> None:
    pid = aborting.run("diehard.py", "sleeping")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: aborting.put(pid, state="STOPPED", abort=True), range(2)))
    aborts = {a.json()["abort_procedure"] for a in answers if a.status_code == 200}
    assert len(aborts) == 1


def test_a_failing_abort_is_loud_and_recorded(server: Server) -> None:
    events = Events(server)
    pid = server.run("diehard.py", "sleeping")
    answer = server.stop_script(pid, abort=True)
    found = server.ended(answer["abort_procedure"])
    assert found["state"] == "FAILED"
    assert "mid-tmc/subarray/01 cannot be reached" in found["outcome"]["detail"]
    told = events.wait(lambda e: e["topic"] == "procedure.abort.failed")
    assert told["abort_procedure"] == answer["abort_procedure"]
    assert "|CRITICAL|" in server.log.read_text()
    last = server.get("/status")["last_abort"]
    assert last == {
        "procedure_id": told["abort_procedure"],
        "time": told["time"],
        "failed": True,
        "detail": told["detail"],
    }
    events.close()


def test_an_abort_script_that_cannot_be_loaded_is_told_in_the_answer(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_ABORT_SCRIPT="/no/such/abort.py") as server:
        pid = server.run("diehard.py", "sleeping")
        answer = server.stop_script(pid, abort=True)
        assert "the subarray was NOT aborted" in answer["abort_message"]
        assert (answer["abort"]["state"], answer["abort"]["outcome"]["reason"]) == ("FAILED", "load_error")
        assert server.procedure(pid)["state"] == "STOPPED"
        assert server.ended(server.run("trivial.py"))["state"] == "COMPLETE"


def test_a_hung_abort_ends_at_its_time_limit(tmp_path: Path) -> None:
    script = tmp_path / "abort.py"
    script.write_text("import time\ndef main(subarray_id):\n    time.sleep(3600)\n")
    settings = {"OET_ABORT_SCRIPT": str(script), "OET_ABORT_TIMEOUT": "0.5 s"}
    with serving(tmp_path / "state", **settings) as server:
        answer = server.stop_script(server.run("diehard.py", "sleeping"), abort=True)
        found = server.ended(answer["abort_procedure"])
        assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "timeout")
        assert server.ended(server.run("trivial.py"))["state"] == "COMPLETE"


def test_the_subarray_is_not_aborted_under_another_running_script(aborting: Server) -> None:
    running = aborting.run("diehard.py", "sleeping")
    ready = aborting.create("trivial.py")
    aborting.wait_state(ready, "READY")
    refused = aborting.put(ready, state="STOPPED", abort=True)
    assert refused.status_code == 409
    assert f"procedure {running} is RUNNING" in refused.json()["detail"]
    assert aborting.procedure(ready)["state"] == "READY"
    assert aborting.procedure(running)["state"] == "RUNNING"
    aborting.stop_script(ready)


def test_a_ready_procedure_can_be_stopped_with_abort(aborting: Server) -> None:
    pid = aborting.create("trivial.py")
    aborting.wait_state(pid, "READY")
    answer = aborting.stop_script(pid, abort=True)
    assert aborting.ended(answer["abort_procedure"])["state"] == "COMPLETE"


@pytest.mark.parametrize("cause, way", [("failure", "sigkill"), ("timeout", "sleeping")])
def test_abort_can_follow_other_ends_than_a_stop(tmp_path: Path, cause: str, way: str) -> None:
    script = tmp_path / "abort.py"
    script.write_text(ABORT)
    settings = {"OET_ABORT_SCRIPT": str(script), "OET_ABORT_ON": f"stop,{cause}"}
    if cause == "timeout":
        settings["OET_MAIN_TIMEOUT"] = "0.3 s"
    with serving(tmp_path / "state", **settings) as server:
        events = Events(server)
        server.run("endings.py" if cause == "failure" else "diehard.py", way)
        events.wait(lambda e: e.get("msg") == "aborting subarray 1")
        events.close()


SLOW = """
import os, time
from pubsub import pub

def main(subarray_id, restart=False):
    pub.sendMessage("user.script.announce", msg="beginning")
    while not os.path.exists({flag!r}):
        time.sleep(0.01)
    pub.sendMessage("user.script.announce", msg=f"subarray {{subarray_id}} was SCANNING and is ABORTED")
"""


@dataclasses.dataclass
class Slow:
    """A server whose abort script ends when it is told to."""

    server: Server
    flag: Path

    def stop(self) -> tuple[int, dict[str, Any]]:
        """Stop a script with abort; returns the id of the abort, and the answer."""
        answer = self.server.stop_script(self.server.run("diehard.py", "sleeping"), abort=True)
        return answer["abort_procedure"], answer


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("slow")
    with serving(folder / "state", OET_ABORT_SCRIPT=str(folder / "abort.py")) as server:
        yield server


@pytest.fixture
def slow(patient: Server) -> Iterator[Slow]:
    script = Path(patient.settings["OET_ABORT_SCRIPT"])
    flag = script.with_name("end")
    script.write_text(SLOW.format(flag=str(flag)))
    yield Slow(patient, flag)
    _end_all(patient)
    patient.request("POST", "/resume", json={})
    flag.unlink(missing_ok=True)


def test_an_answer_says_how_far_the_abort_has_come_and_its_procedure_how_it_ended(slow: Slow) -> None:
    abort, answer = slow.stop()
    assert answer["abort"] == {"procedure": abort, "state": "RUNNING", "outcome": None}
    slow.flag.touch()
    ended = slow.server.ended(abort)
    assert ended["outcome"]["detail"] == "subarray 1 was SCANNING and is ABORTED"


def test_an_abort_that_goes_on_is_stopped_only_where_that_is_meant(slow: Slow) -> None:
    abort, _ = slow.stop()
    for more in ({}, {"abort": True}, {"abort": False}, {"stop_abort": False}):
        refused = slow.server.put(abort, state="STOPPED", **more)
        assert refused.status_code == 409
        assert '"stop_abort": true' in refused.json()["detail"]
    slow.server.kill("ses")  # the next one knows it, too
    slow.server.ready()
    assert slow.server.put(abort, state="STOPPED").status_code == 409
    assert slow.server.procedure(abort)["state"] == "RUNNING"
    assert slow.server.put(abort, state="STOPPED", stop_abort=True).status_code == 200
    assert slow.server.procedure(abort)["state"] == "STOPPED"


def test_an_abort_that_is_stopped_can_be_followed_by_another_one(slow: Slow) -> None:
    abort, _ = slow.stop()
    answer = slow.server.put(abort, state="STOPPED", abort=True, stop_abort=True).json()
    assert slow.server.get("/status")["last_abort"]["failed"] is True
    events = Events(slow.server, topics="procedure.abort")
    slow.flag.touch()
    assert slow.server.ended(answer["abort_procedure"])["state"] == "COMPLETE"
    assert slow.server.procedure(abort)["state"] == "STOPPED"
    events.wait(lambda e: e["topic"] == "procedure.abort.complete")
    assert slow.server.get("/status")["last_abort"]["failed"] is False
    events.close()


def test_an_abort_that_waits_to_be_started_is_stopped_like_any_other(slow: Slow) -> None:
    events = Events(slow.server, topics="procedure")
    pid = slow.server.create(slow.server.settings["OET_ABORT_SCRIPT"])
    slow.server.wait_state(pid, "READY")
    slow.server.stop_script(pid)
    slow.server.run("trivial.py")
    events.wait(lambda e: e["topic"] == "procedure.lifecycle.complete")
    assert "procedure.abort.failed" not in events.topics()
    events.close()


def test_the_subarray_can_be_aborted_though_nothing_was_stopped(slow: Slow) -> None:
    slow.flag.touch()
    begun = slow.server.request("POST", "/abort", json={"restart": True})
    assert begun.status_code == 201
    ended = slow.server.ended(begun.json()["id"])
    assert (ended["state"], ended["aborts"]) == ("COMPLETE", None)
    assert ended["script_args"]["main"]["kwargs"] == {"subarray_id": 1, "restart": True}
    assert begun.headers["Location"] == begun.json()["uri"]


def test_it_is_not_aborted_under_a_running_script_nor_twice_at_a_time(slow: Slow) -> None:
    pid = slow.server.run("diehard.py", "sleeping")
    refused = slow.server.request("POST", "/abort", json={})
    assert (refused.status_code, f"oet procedure stop --pid={pid}" in refused.text) == (409, True)
    abort = slow.server.stop_script(pid, abort=True)["abort_procedure"]
    refused = slow.server.request("POST", "/abort", json={})
    assert (refused.status_code, f"oet procedure wait --pid={abort}" in refused.text) == (409, True)
    slow.flag.touch()
    slow.server.ended(abort)
    assert slow.server.get("/procedures")[-1]["id"] == abort == pid + 1


def test_a_drained_oet_aborts(slow: Slow) -> None:
    slow.flag.touch()
    slow.server.request("POST", "/drain", json={})
    begun = slow.server.request("POST", "/abort", json={})
    assert slow.server.ended(begun.json()["id"])["state"] == "COMPLETE"


def test_the_terminal_says_that_it_is_aborted_when_it_is(slow: Slow) -> None:
    oet, pid = Terminal(slow.server), slow.server.run("diehard.py", "sleeping")
    with oet.typing("procedure", "stop") as typing:
        typing.until(f"Aborting subarray 1 (procedure {pid + 1}) ...")
        assert "and aborted subarray activity" not in typing.told
        told = oet("procedure", "stop", status=3)  # by somebody who is impatient
        assert f"oet procedure stop --pid={pid + 1}" in told
        slow.flag.touch()
        told = typing.end()
    assert f"Successfully stopped script with ID {pid} and aborted subarray activity\n" in told
    assert "Subarray 1 was SCANNING and is ABORTED\n" in told
    assert slow.server.procedure(pid + 1)["state"] == "COMPLETE"
    assert "is ABORTED\n" in oet("abort", "--restart")


LOADED_LATE = """
import os, time
while not os.path.exists({flag!r}):
    time.sleep(0.01)

def main(subarray_id, restart=False):
    print("aborted")
"""


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_abort_begins_once_though_the_service_was_killed_before(slow: Slow, by_hand: bool) -> None:
    server = slow.server
    Path(server.settings["OET_ABORT_SCRIPT"]).write_text(LOADED_LATE.format(flag=str(slow.flag)))
    with ThreadPoolExecutor(1) as pool:
        if by_hand:
            answer = server.request("POST", "/abort", json={}).json()
        else:
            pid = server.run("diehard.py", "sleeping")
            stopping = pool.submit(server.stop_script, pid, True)
            until(lambda: server.get("/procedures")[-1]["id"] > pid)
        abort = server.get("/procedures")[-1]["id"]
        server.wait_state(abort, "LOADING")
        server.kill("ses")
        server.ready()
        slow.flag.touch()
        assert server.ended(abort)["state"] == "COMPLETE"
        assert (answer["id"] if by_hand else stopping.result()["abort_procedure"]) == abort
    assert server.get("/procedures")[-1]["id"] == abort


FORGES = """
import json, os, signal, stat

def main(ends):
    link = next(fd for fd in range(3, 1000) if is_socket(fd))
    signal.signal(signal.SIGTERM, (lambda *_: os._exit(0)) if ends else signal.SIG_IGN)
    for said in {"say": "returned"}, {"say": "closing", "stopped": False}:
        os.write(link, json.dumps(said).encode() + b"\\n")
    print("forged", flush=True)
    while True:
        signal.pause()

def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
"""


@pytest.mark.parametrize("ends", [False, True])
def test_a_script_that_forges_its_end_does_not_escape_the_abort(
    aborting: Server, tmp_path: Path, ends: bool
) -> None:
    (tmp_path / "forges.py").write_text(FORGES)
    events = Events(aborting, topics="procedure.output")
    pid = aborting.run(str(tmp_path / "forges.py"), ends)
    events.wait(lambda e: "forged" in e["text"])
    answer = aborting.stop_script(pid, abort=True)
    assert aborting.procedure(pid)["state"] == ("COMPLETE" if ends else "STOPPED")
    how = "Found script with ID {} COMPLETE before it could be stopped and aborted subarray activity"
    stopped = "Successfully stopped script with ID {} and aborted subarray activity"
    assert answer["abort_message"] == (how if ends else stopped).format(pid)
    assert aborting.ended(answer["abort_procedure"])["state"] == "COMPLETE"
    events.close()

"""A procedure that is being started cannot be started once more."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from ..conftest import Server, until
from ..support.activities import Activities, Blocks, inline

TAKES_TWO = "import time\ndef main(a, b):\n    time.sleep(300)\n"


@pytest.fixture
def takes_two(tmp_path: Path) -> str:
    path = tmp_path / "takes_two.py"
    path.write_text(TAKES_TWO)
    return str(path)


def _start(server: Server, pid: int, *args: int) -> requests.Response:
    return server.put(pid, state="RUNNING", script_args={"main": {"args": args, "kwargs": {}}})


def _ready(server: Server, script: str) -> int:
    pid = server.create(script)
    server.wait_state(pid, "READY")
    return pid


@contextlib.contextmanager
def _held(server: Server, pid: int) -> Iterator[None]:
    """The script's process answers nothing, so a start stays pending."""
    runner = json.loads((server.state / "runs" / str(pid) / "process.json").read_text())["runner"]
    os.kill(runner, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(runner, signal.SIGCONT)


def _refused_as_being_started(server: Server, pid: int, *args: int) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        answer = _start(server, pid, *args)
        assert answer.status_code in (409, 503), answer.text
        return f"procedure {pid} is being started" in answer.json()["detail"]
    return False


@pytest.mark.parametrize(("args", "first"), [((1, 2), 200), ((1, 2, 3), 422)])
def test_of_two_starts_of_one_procedure_the_second_is_refused_at_once(
    own_server: Server, takes_two: str, args: tuple[int, ...], first: int
) -> None:
    for _ in range(5):
        pid = _ready(own_server, takes_two)
        with ThreadPoolExecutor(2) as pool:
            starting = [pool.submit(_start, own_server, pid, *args) for _ in range(2)]
            answers = [one.result() for one in starting]
        codes = sorted(answer.status_code for answer in answers)
        # The second may come when the first has just been refused; then it is refused for its own arguments.
        assert codes in ([first, 409], [409, first], [422, 422]), [a.text for a in answers]
        if first == 422:
            other = _ready(own_server, takes_two)
            assert _start(own_server, other, 1, 2).status_code == 200, "the subarray is still reserved"
            own_server.stop_script(other)
        assert own_server.procedure(pid)["state"] == ("RUNNING" if first == 200 else "READY")
        own_server.stop_script(pid)


@pytest.mark.parametrize(("args", "answer"), [((1, 2), 200), ((1, 2, 3), 422)])
def test_a_start_repeated_after_a_crash_is_answered_and_no_other_takes_its_place(
    new_server: Server, takes_two: str, args: tuple[int, ...], answer: int
) -> None:
    pid = _ready(new_server, takes_two)
    with ThreadPoolExecutor(1) as pool:
        with _held(new_server, pid):
            starting: Future[requests.Response] = pool.submit(_start, new_server, pid, *args)
            until(lambda: _pending(new_server, pid))
            assert _refused_as_being_started(new_server, pid, 5, 6)
            new_server.kill("ses")
            new_server.ready()
            until(lambda: _refused_as_being_started(new_server, pid, 5, 6))
        assert starting.result(60).status_code == answer, starting.result().text
    if answer == 200:
        assert new_server.procedure(pid)["script_args"]["main"]["args"] == list(args)
    else:
        assert _start(new_server, pid, 5, 6).status_code == 200


def _pending(server: Server, pid: int) -> bool:
    """Whether a start is on record, which is written before it is carried out."""
    newest = server.get("/audit", limit=1)[0]
    return bool(newest["path"].endswith(f"/procedures/{pid}") and newest["method"] == "PUT")


def test_a_start_of_a_user_beside_that_of_an_activity_is_refused_or_takes_its_place(
    own_server: Server,
) -> None:
    activities = Activities(own_server)
    waits = "import time\ndef main(*args, **kwargs):\n    time.sleep(300)\n"
    sbd_id = Blocks(own_server).add("sbd-raced", {"observe": inline(waits)})
    pid = activities.run(sbd_id)["procedure_id"]
    while (answer := _start(own_server, pid)).status_code == 409:
        if "is RUNNING" in answer.json()["detail"]:
            break
    assert answer.status_code in (200, 409), answer.text
    assert own_server.procedure(pid)["state"] == "RUNNING"

"""Ctrl-C while a request is on its way: what was asked for is known, and nothing is left to nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import pytest

from ..conftest import until
from ..support.fake_oet import Answer, FakeOET, printed
from .test_environment_commands import one
from .test_process import MAIN, command

HELLO = b": hello\n\n"
GOES_ON = (
    "\nStopped listening; procedure 1 goes on. To stop it: oet procedure stop --pid=1; "
    "to rejoin: oet procedure logs --follow --pid=1\n"
)


def interrupted(oet: FakeOET, method: str, path: str, *words: str) -> tuple[int, str, str]:
    """The end of a command that Ctrl-C meets when its request was carried out and not yet answered."""
    carried_out, go_on = oet.hold(method, path)
    oet.plan_stream(HELLO, oet.closing)
    process = command(*words)
    assert carried_out.wait(20)
    process.send_signal(signal.SIGINT)
    go_on.set()
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("listen", ["True", "False"])
def test_run_stops_what_it_has_just_made(oet: FakeOET, listen: str) -> None:
    words = ("procedure", "run", "file://x.py", f"--listen={listen}")
    status, _, err = interrupted(oet, "POST", "/procedures", *words)
    assert status == 130
    assert [request.body for request in oet.asked("PUT", "/procedures/1")] == [
        {"state": "STOPPED", "abort": False}
    ]
    assert err == (
        "\nProcedure 1 has not run its main yet; stopping it. Ctrl-C once more leaves at once\n"
        "Procedure 1 is stopped, without an abort of the subarray\n"
    )


def test_run_leaves_a_script_alone_that_has_just_begun(oet: FakeOET) -> None:
    oet.first_state = "READY"
    words = ("procedure", "run", "file://x.py", "--listen=False")
    status, _, err = interrupted(oet, "PUT", "/procedures/1", *words)
    assert status == 130
    assert [request.body["state"] for request in oet.asked("PUT")] == ["RUNNING"]
    assert err == GOES_ON


def test_start_says_that_the_script_goes_on(oet: FakeOET) -> None:
    oet.add(1)
    status, _, err = interrupted(oet, "PUT", "/procedures/1", "procedure", "start", "--pid=1")
    assert (status, len(oet.asked("PUT"))) == (130, 1)
    assert err == GOES_ON


def test_a_start_that_waits_says_that_nothing_was_started(oet: FakeOET) -> None:
    oet.add(1, "INITIALISING")
    process = command("procedure", "start", "--pid=1")
    until(lambda: len(oet.asked("GET", "/procedures/1")) > 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, oet.asked("PUT")) == (130, [])
    assert err.endswith(
        "\nProcedure 1 was not started; it is still being prepared. To start it: "
        "oet procedure start --pid=1; to stop it: oet procedure stop --pid=1\n"
    )


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, GOES_ON),
        (
            {"aborts": 7},
            "\nStopped waiting; the abort (procedure 1) goes on. To see it: oet procedure wait --pid=1\n",
        ),
    ],
)
def test_who_follows_the_output_is_told_what_goes_on(oet: FakeOET, more: dict[str, Any], told: str) -> None:
    oet.add(1, "RUNNING", **more)
    oet.plan_stream(HELLO, printed(1, 1, "begun\n"), oet.closing, path="/procedures/1/output")
    process = command("procedure", "logs", "1", "--follow")
    assert process.stdout is not None
    while process.stdout.readline() != "begun\n":
        pass
    process.send_signal(signal.SIGINT)
    assert (process.communicate(timeout=30)[1], process.returncode) == (told, 130)


def test_what_to_type_leads_to_the_same_oet(oet: FakeOET) -> None:
    oet.add(1)
    where = ("--subarray_id=1", f"--server-url={oet.url}")
    _, _, err = interrupted(oet, "PUT", "/procedures/1", "procedure", "start", *where)
    assert err.endswith(f"oet procedure logs --follow --pid=1 {' '.join(where)}\n")


def test_create_shows_what_it_has_made(oet: FakeOET) -> None:
    status, out, _ = interrupted(oet, "POST", "/procedures", "procedure", "create", "file://x.py")
    assert status == 130
    assert out.splitlines()[2].split()[:2] == ["1", "file://x.py"]
    assert not oet.asked("PUT")


def test_an_activity_goes_on_and_it_is_said_how_to_stop_it(oet: FakeOET) -> None:
    status, _, err = interrupted(oet, "POST", "/activities", "activity", "run", "observe", "sbd-1")
    assert (status, len(oet.asked("PUT"))) == (130, 0)
    assert err == (
        "\nStopped listening; activity 1 goes on. To stop it: oet activity stop --aid=1; "
        "to rejoin: oet activity describe --aid=1\n"
    )


@pytest.mark.parametrize("words", ["procedure stop --pid=1", "activity stop --aid=1"])
def test_ctrl_c_ends_the_waiting_for_a_stop_and_not_the_stop(oet: FakeOET, words: str) -> None:
    oet.add(1, "RUNNING")
    oet.add_activity(1, "RUNNING")
    path = "/procedures/1" if "procedure" in words else "/activities/1"
    carried_out, go_on = oet.hold("PUT", path)
    process = command(*words.split())
    assert carried_out.wait(20)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    go_on.set()
    assert process.returncode == 130
    seen = words.replace("stop", "describe")
    assert err == f"\nStopped waiting; the stop goes on. To see it: oet {seen}\n"


def test_ctrl_c_ends_the_waiting_for_an_abort_and_not_the_abort(oet: FakeOET) -> None:
    oet.add(1, "RUNNING")
    oet.add(5, "RUNNING")
    carried_out, go_on = oet.hold("GET", "/procedures/5")
    process = command("procedure", "stop", "1")
    assert carried_out.wait(20)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    go_on.set()
    assert process.returncode == 130
    assert err == (
        "Procedure 1 is stopped on subarray 1\n"
        "Aborting subarray 1 (procedure 5) ...\n"
        "\nStopped waiting; the abort of subarray 1 goes on. To see it: oet procedure wait --pid=5\n"
    )


@pytest.mark.parametrize(
    "more", [{"aborts": 1}, {"script": {"script_type": "filesystem", "script_uri": "file://abort.py"}}]
)
def test_nobody_who_waits_for_an_abort_is_told_how_to_stop_it(oet: FakeOET, more: dict[str, Any]) -> None:
    oet.add(5, "RUNNING", **more)
    process = command("procedure", "wait", "--pid=5")
    until(lambda: len(oet.asked("GET", "/procedures/5")) > 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == (
        "\nStopped waiting; the abort (procedure 5) goes on. To see it: oet procedure wait --pid=5\n"
    )


@pytest.mark.parametrize(
    ("request_", "words", "see"),
    [
        ("POST /procedures", ("procedure", "run", "file://x.py"), "oet procedure list"),
        ("POST /procedures", ("procedure", "create", "file://x.py"), "oet procedure list"),
        ("POST /activities", ("activity", "run", "observe", "sbd-1"), "oet activity list"),
        ("POST /drain", ("drain",), "oet status"),
        ("POST /resume", ("resume",), "oet status"),
        ("PUT /operator/wait_for_qa_ready", ("wait_for_qa_ready", "disable"), "oet status"),
        ("DELETE /environments/e1", ("environment", "remove", "e1"), "oet environment list"),
    ],
)
def test_ctrl_c_again_does_not_wait_for_the_answer_and_says_where_to_look(
    oet: FakeOET, request_: str, words: tuple[str, ...], see: str
) -> None:
    oet.plan("DELETE", "/environments/e1", Answer(body=one(id="e1")))
    carried_out, go_on = oet.hold(*request_.split())
    oet.plan_stream(HELLO, oet.closing)
    process = command(*words)
    assert carried_out.wait(20)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)  # a third one must not meet a process that is ending
        except subprocess.TimeoutExpired:
            continue
    go_on.set()
    assert process.communicate()[1].endswith(f"to see it: {see}\n")
    assert process.returncode == 130


def test_what_may_be_left_is_told_where_the_server_has_gone(oet: FakeOET) -> None:
    oet.plan_stream(HELLO, oet.closing)
    process = command("procedure", "run", "file://x.py")
    assert oet.created.wait(20)
    assert process.stdout is not None
    assert process.stderr is not None
    while process.stdout.readline() != "Events\n":
        pass
    oet.close()
    while "Event stream lost" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Procedure 1 may still be there: Cannot reach the OET" in err
    assert err.endswith("To stop it: oet procedure stop --pid=1\n")


def test_after_an_outage_it_is_said_that_the_script_may_go_on_and_how_to_rejoin(oet: FakeOET) -> None:
    oet.add(2)
    oet.plan_stream(HELLO, oet.started, printed(2, 1, "begun\n"), oet.closing)
    impatient = "import ska_oso_oet_client.client as c; c.PATIENCE = 3.0; "
    process = command("procedure", "start", "--pid=2", code=impatient + MAIN)
    assert process.stdout is not None
    while process.stdout.readline() != "begun\n":
        pass
    oet.close()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 5
    lost, *waiting, rejoin, error = err.splitlines()
    assert lost.startswith("Event stream lost (")
    assert "Error" not in lost
    assert waiting == ["reconnecting (1 s)"]
    assert rejoin == (
        "Procedure 2 may still be running. When the OET is back: oet procedure logs --follow --pid=2"
    )
    assert error == f"Error: Not heard from the OET at {oet.url} for 3 s"


def test_a_reader_that_leaves_before_the_script_has_begun_is_told(oet: FakeOET) -> None:
    oet.plan_stream(HELLO, oet.closing)
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, "procedure", "run", "file://x.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
    assert err.endswith("Error: Nobody reads the output: the script was not started\n")
    assert process.returncode == 3
    assert oet.asked("PUT")[0].body == {"state": "STOPPED", "abort": False}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_other_signals_leave_no_colour_on_the_terminal(
    oet: FakeOET, number: signal.Signals, status: int
) -> None:
    oet.add(2, "RUNNING")
    oet.plan_stream(HELLO, printed(2, 1, "\x1b[31mred\n"), oet.closing, path="/procedures/2/output")
    process = command("procedure", "logs", "2", "--follow")
    assert process.stdout is not None
    assert process.stdout.readline() == "\x1b[31mred\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (out, process.returncode) == ("\x1b[0m", status)
    assert "procedure 2 goes on" in err

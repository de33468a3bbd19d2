"""Refusals in the terminal say what to do next, in words to type for the same OET."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..support.fake_oet import Answer, FakeOET
from .conftest import Result

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            Answer.problem(409, "Cannot start procedure 3: procedure 2 is RUNNING"),
            "Cannot start procedure 3: procedure 2 is RUNNING (subarray 1); to stop that one: "
            "oet procedure stop --pid=2",
        ),
        (
            Answer.problem(
                409, "Cannot stop procedure 3: it is over; to abort the subarray: oet abort, or so"
            ),
            "Cannot stop procedure 3: it is over (subarray 1); to abort the subarray: oet abort, or so",
        ),
        (
            Answer.problem(422, "script x.py cannot be read; to see which there are: oet script list"),
            "script x.py cannot be read; to see which there are: oet script list",
        ),
        (
            Answer.problem(504, "no answer within 10 s"),
            "no answer within 10 s (subarray 1); try again shortly",
        ),
        (
            Answer.problem(404, "there is nothing at this address; the API is at /oet/1/api/v1"),
            "there is nothing at this address; the API is at /oet/1/api/v1 (subarray 1); "
            "set OET_URL or --server-url to that address",
        ),
        (
            Answer.problem(403, "you need the permission 'execute'"),
            "you need the permission 'execute'; the administrators of the OET grant it",
        ),
        (
            Answer.problem(504, "the archive /oda did not answer; try again shortly, or check OET_ODA_URL"),
            "the archive /oda did not answer (subarray 1); try again shortly, or check OET_ODA_URL",
        ),
        (Answer.problem(429, "too much; try again soon"), "too much (subarray 1); try again soon"),
        (
            Answer(404, b"<html>", {"Content-Type": "text/html"}),
            "{url}/procedures/3 does not answer like an OET: HTTP 404 Not Found; "
            "set OET_URL or --server-url to the address of an OET",
        ),
    ],
)
def test_a_refusal_says_what_to_do_next(oet: FakeOET, run: Run, answer: Answer, told: str) -> None:
    oet.plan("PUT", "/procedures/3", answer)
    oet.add(3)
    result = run("procedure", "start", "--pid=3", "--listen=False")
    assert result.err == f"Error: {told.format(url=oet.url)}\n"


@pytest.mark.parametrize(
    ("detail", "command"),
    [
        ("drained; `oet resume` ends that", "`oet resume{more}` ends that"),
        ("it is over; to abort: oet abort, or POST /abort", "oet abort{more}, or POST /abort"),
        ("no; to see: oet procedure describe --pid=3", "oet procedure describe --pid=3{more}\n"),
        ("no; to run it: oet procedure run file://a.py.", "oet procedure run file://a.py{more}.\n"),
        ("procedure 2 is RUNNING", "oet procedure stop --pid=2{more}\n"),
        ("procedure 2 is being started", "oet procedure stop --pid=2{more}\n"),
    ],
)
def test_commands_of_the_server_are_for_the_same_oet(
    oet: FakeOET, run: Run, detail: str, command: str
) -> None:
    oet.plan("PUT", "/procedures/3", Answer.problem(409, detail))
    oet.add(3)
    words = ("procedure", "start", "--pid=3", "--listen=False", "--subarray_id=1")
    assert command.format(more=" --subarray_id=1") in run(*words).err

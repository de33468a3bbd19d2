"""``oet environment``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from ..support.fake_oet import Answer, FakeOET
from .conftest import Result

Run = Callable[..., Result]


def one(**changes: object) -> dict[str, object]:
    now = time.time()
    document = {
        "id": "environment-0f3c",
        "kind": "environment",
        "repository": "https://host/x.git",
        "commit": "12e4" * 10,
        "size": 3 * 2**20,
        "created": now - 2 * 86400,
        "used": now - 90,
    }
    return {**document, **changes}


def test_list_shows_size_age_repository_and_commit(oet: FakeOET, run: Run) -> None:
    oet.plan("GET", "/environments", Answer(body=[one(), one(id="mirror-1", kind="mirror", commit=None)]))
    result = run("environment", "list")
    assert result.status == 0
    first, second = (line.split() for line in result.out.splitlines()[2:])
    # Built 90 s before the test asks, and some more on a busy machine.
    assert float(first.pop(8)) == pytest.approx(1.5, abs=0.3)
    assert first == [
        *("environment-0f3c", "environment", "https://host/x.git", "12e412e412e4"),
        *("3", "MiB", "2", "d", "min", "ago"),
    ]
    assert second[:4] == ["mirror-1", "mirror", "https://host/x.git", "3"]


def test_an_empty_list_says_so(oet: FakeOET, run: Run) -> None:
    oet.plan("GET", "/environments", Answer(body=[]))
    assert "There is nothing yet" in run("environment", "list").err


def test_remove_names_what_it_removed(oet: FakeOET, run: Run) -> None:
    oet.plan("DELETE", "/environments/environment-0f3c", Answer(body=one()))
    result = run("environment", "remove", "environment-0f3c")
    assert result.out == "Removed environment environment-0f3c of https://host/x.git\n"


def test_remove_can_answer_in_json_and_hides_nothing(oet: FakeOET, run: Run) -> None:
    oet.plan("DELETE", "/environments/a%2Fb", Answer(body=one(more=1)))
    assert json.loads(run("environment", "remove", "a/b", "--output=json").out)["more"] == 1


def test_a_refusal_is_one_line_and_status_3(oet: FakeOET, run: Run) -> None:
    oet.plan("DELETE", "/environments/x", Answer.problem(409, "Cannot remove x: a procedure is using it"))
    result = run("environment", "remove", "x")
    assert (result.status, result.err) == (
        3,
        "Error: Cannot remove x: a procedure is using it (subarray 1)\n",
    )

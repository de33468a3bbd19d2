"""Lists of procedures and activities: which ones they have, and what they tell of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ..conftest import SCRIPTS, Server, serving
from ..support.activities import Activities, Blocks, inline

BAD = [
    ("state=PAUSED", "state: there is no state 'PAUSED'; known are "),
    ("state=RUNNING,", "state: there is no state ''; known are "),
    ("state=RUNNING&state=x", "state: there is no state 'x'; known are "),
    ("limit=0", "limit: "),
    ("limit=many", "limit: "),
    ("before=-1", "before: "),
    ("all=perhaps", "all: "),
    ("script=", "script: must have between 1 and 500 letters"),
    ("script=%00", "script: must have between 1 and 500 letters"),
    ("since=yesterday", "since: must be a time in seconds since 1970, such as 1795324531.68"),
    ("since=2026-11-22T05:15:31Z", "since: must be a time in seconds since 1970, such as 1795324531.68"),
    ("since=nan", "since: "),
    ("since=-1", "since: "),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Twelve procedures, three of which were activities; the list has ten of them."""
    with serving(tmp_path_factory.mktemp("lists") / "state", OET_WARM_INTERPRETERS="0") as found:
        for script in ("trivial.py", "echo.py"):
            found.ended(found.run(script))
        activities = {
            "observe": inline("def main(*args, **kwargs):\n    pass\n"),
            "fail": inline("def main(*args, **kwargs):\n    raise ValueError\n"),
            "echo": {"kind": "filesystem", "path": f"file://{SCRIPTS}/echo.py"},
        }
        Blocks(found).add("sbd-1", activities)
        for name in ("observe", "fail"):
            Activities(found).ended(Activities(found).run("sbd-1", name)["id"])
        Activities(found).run("sbd-1", "echo", prepare_only=True)
        for _ in range(7):
            found.wait_state(found.create("trivial.py"), "READY")
        yield found


def _ids(server: Server, path: str, **query: Any) -> list[int]:
    return [document["id"] for document in server.get(path, **query)]


@pytest.mark.parametrize(("query", "sentence"), BAD)
@pytest.mark.parametrize("path", ["/procedures", "/activities"])
def test_what_cannot_be_meant_is_422_in_one_sentence(
    server: Server, path: str, query: str, sentence: str
) -> None:
    answer = server.request("GET", f"{path}?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(sentence)
    assert answer.json()["errors"][0]["loc"] == ["query", query.partition("=")[0]]


def test_procedures_are_chosen_among_the_newest_and_among_all(server: Server) -> None:
    newest = _ids(server, "/procedures")
    everything = _ids(server, "/procedures", all="true")
    assert (newest, everything) == (list(range(3, 13)), list(range(1, 13)))
    for query in ({}, {"all": "true"}):
        assert _ids(server, "/procedures", limit=3, **query) == [10, 11, 12]
        assert _ids(server, "/procedures", state="FAILED", **query) == [4]
        assert _ids(server, "/procedures", script="TRIVIAL", before=8, limit=2, **query) == [6, 7]
        since = server.procedure(11)["created"]
        assert _ids(server, "/procedures", since=since, **query) == [11, 12]
    assert _ids(server, "/procedures", script="e?ho.py") == [5]
    assert _ids(server, "/procedures", script="e?ho.py", all="true") == [2, 5]
    assert _ids(server, "/procedures", script="tests/*/e*o", all="true") == [5]


def test_several_states_are_given_one_after_another_or_with_commas(server: Server) -> None:
    for state in ("FAILED,COMPLETE", ["FAILED", "COMPLETE"], ["COMPLETE", "FAILED,COMPLETE"]):
        assert _ids(server, "/procedures", state=state) == [3, 4]
        assert _ids(server, "/procedures", state=state, all="true") == [1, 2, 3, 4]
        assert _ids(server, "/activities", state=state) == [1, 2]
        assert _ids(server, "/activities", state=state, all="true") == [1, 2]


def test_activities_are_chosen_like_procedures(server: Server) -> None:
    for query in ({}, {"all": "true"}):
        assert _ids(server, "/activities", **query) == [1, 2, 3]
        assert _ids(server, "/activities", limit=2, **query) == [2, 3]
        assert _ids(server, "/activities", limit=1, before=3, **query) == [2]
        assert _ids(server, "/activities", state="FAILED", **query) == [2]
        assert _ids(server, "/activities", script="echo.py", **query) == [3]
        assert _ids(server, "/activities", script="sbi-*/script.py", **query) == [1, 2]
        since = server.get("/activities/2")["created"]
        assert _ids(server, "/activities", since=since, **query) == [2, 3]
        assert _ids(server, "/activities", since=since, state="COMPLETE", **query) == []


def test_a_list_tells_when_each_was_created_began_and_ended(server: Server) -> None:
    for document, states in [
        *((p, p["history"]["process_states"]) for p in server.get("/procedures", all="true")),
        *((a, a["activity_states"]) for a in server.get("/activities")),
    ]:
        times = dict(states)
        final = document["state"] in ("COMPLETE", "FAILED", "STOPPED")
        assert document["created"] == states[0][1]
        assert document["started"] == times.get("RUNNING")
        assert document["ended"] == (states[-1][1] if final else None)
    ran = server.procedure(1)
    assert ran["created"] < ran["started"] < ran["ended"]


def test_activities_that_are_no_longer_listed_can_be_paged_through(tmp_path: Any) -> None:
    with serving(tmp_path / "state", OET_HISTORY="2", OET_WARM_INTERPRETERS="0") as server:
        Blocks(server).add("sbd-1", {"observe": inline("def main(*args, **kwargs):\n    pass\n")})
        for _ in range(4):
            Activities(server).ended(Activities(server).run("sbd-1")["id"])
        assert _ids(server, "/activities") == [3, 4]
        assert _ids(server, "/activities", all="true") == [1, 2, 3, 4]
        assert _ids(server, "/activities", all="true", limit=2, before=4) == [2, 3]
        assert server.get("/activities", all="true", before=2) == [server.get("/activities/1")]


def test_the_process_of_a_script_is_os_pid_and_its_old_name_is_deprecated(server: Server) -> None:
    ready = server.procedure(12)
    assert isinstance(ready["os_pid"], int)
    assert ready["pid"] == ready["os_pid"] != ready["id"]
    fields = server.get("/openapi.json")["components"]["schemas"]["Procedure"]["properties"]
    assert fields["pid"]["deprecated"] is True
    assert "deprecated" not in fields["os_pid"]

"""Output over REST: whole, in pages, and followed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from ..conftest import Server
from .answers import problem


@pytest.fixture(scope="module")
def printed(server: Server) -> int:
    pid = server.run("prints.py", 5)
    server.ended(pid)
    return pid


def test_output_is_read_whole_by_stream_and_in_pages(server: Server, printed: int) -> None:
    whole = server.get(f"/procedures/{printed}/output")
    assert (whole["procedure_id"], whole["final"], whole["state"]) == (printed, True, "COMPLETE")
    assert [chunk["n"] for chunk in whole["chunks"]] == list(range(1, whole["next"] + 1))
    assert server.output(printed, stream="stderr") == "a warning\n"
    stdout = server.output(printed, stream="stdout")
    assert stdout.startswith("line 0\nline 1\n")
    assert "from C: é\n" in stdout
    assert "from a child\n" in stdout
    assert server.output(printed, stream="stdout,stderr") == server.output(printed)
    paged, after = [], 0
    while page := server.get(f"/procedures/{printed}/output", after=after, limit=1)["chunks"]:
        paged += page
        after = page[-1]["n"]
    assert paged == whole["chunks"]


def test_the_tail_of_the_output_is_its_last_lines(server: Server, printed: int) -> None:
    whole = server.output(printed, stream="stdout")
    assert server.output(printed, stream="stdout", tail=2) == "".join(whole.splitlines(True)[-2:])


def test_no_last_lines_are_an_empty_page_that_tells_how_far_the_output_is(
    server: Server, printed: int
) -> None:
    whole = server.get(f"/procedures/{printed}/output")
    page = server.get(f"/procedures/{printed}/output", tail=0)
    assert (page["chunks"], page["next"]) == ([], whole["next"])
    behind = whole["next"] - 1
    assert (
        server.get(f"/procedures/{printed}/output", tail=99, after=behind)["chunks"] == whole["chunks"][-1:]
    )


def _sse(response: requests.Response) -> list[dict[str, Any]]:
    """The events of a response that ends."""
    events = []
    for block in response.content.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            events.append(fields | {"data": json.loads(fields["data"])})
    return events


def _follow(server: Server, pid: int, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = server.request(
        "GET",
        f"/procedures/{pid}/output?follow=true{query}",
        headers={"Accept": "text/event-stream", **headers},
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return _sse(answer)


def test_following_the_output_of_a_finished_procedure_sends_all_of_it_and_ends(
    server: Server, printed: int
) -> None:
    *pieces, end = _follow(server, printed)
    assert "".join(piece["data"]["text"] for piece in pieces) == server.output(printed)
    assert {piece["event"] for piece in pieces} == {"procedure.output"}
    assert [int(piece["id"]) for piece in pieces] == [piece["data"]["n"] for piece in pieces]
    assert end["event"] == "procedure.output.end"
    assert end["data"]["state"] == "COMPLETE"


def test_following_goes_on_behind_the_last_event_id(server: Server, printed: int) -> None:
    whole = _follow(server, printed)
    for query in ("", "&tail=0"):  # it was the beginning that the tail was of
        assert _follow(server, printed, query, **{"Last-Event-ID": "2"}) == whole[2:]


@pytest.mark.parametrize("lines", [0, 1, 3, 10**6])
def test_following_can_begin_with_the_last_lines(server: Server, printed: int, lines: int) -> None:
    *pieces, end = _follow(server, printed, f"&tail={lines}")
    assert [piece["data"] for piece in pieces] == [
        {"pid": printed} | chunk
        for chunk in server.get(f"/procedures/{printed}/output", tail=lines)["chunks"]
    ]
    assert end["data"]["state"] == "COMPLETE"


@pytest.mark.parametrize("bad", ["x", "-1", "9" * 5000, ""])
def test_following_behind_what_is_no_event_id_is_refused(server: Server, printed: int, bad: str) -> None:
    headers = {"Last-Event-ID": bad, "Accept": "text/event-stream"}
    answer = server.request(
        "GET", f"/procedures/{printed}/output", params={"follow": "true"}, headers=headers
    )
    problem(answer, 400, "Last-Event-ID")


def test_following_a_running_procedure_ends_when_it_ends(server: Server) -> None:
    pid = server.create("prints.py")
    server.wait_state(pid, "READY")
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(_follow, server, pid)
        server.start_main(pid, 200)
        *pieces, end = following.result(30)
    text = "".join(piece["data"]["text"] for piece in pieces)
    assert text == server.output(pid)
    assert "line 199\n" in text
    assert end["data"]["state"] == "COMPLETE"


@pytest.mark.parametrize("query", ["stream=stdin", "after=-1", "limit=0", "tail=-1", "follow=perhaps"])
def test_a_query_for_output_that_is_not_valid_is_422(server: Server, printed: int, query: str) -> None:
    problem(server.request("GET", f"/procedures/{printed}/output?{query}"), 422)

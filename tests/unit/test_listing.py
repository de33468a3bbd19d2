"""Which procedures and activities a list has, and what it tells of those of earlier releases."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.domain import activity, procedure_document
from ska_oso_oet.domain.listing import Listing, contains, like
from ska_oso_oet.domain.origin import Origin
from ska_oso_oet.domain.pace import Pace

_LETTERS = st.text(st.sampled_from("abA.*?%_[]\\/-"), max_size=8)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("obs", True),
        ("OBS1.py", True),
        ("*", True),
        ("obs?.py", True),
        ("s/o*.py", True),
        ("file://*/obs1.py", True),
        ("obs2", False),
        ("obs??.py", False),
        ("[o]bs", False),
        ("o.s", False),
    ],
)
def test_a_pattern_is_a_part_of_the_uri_with_wildcards(pattern: str, found: bool) -> None:
    assert contains("file:///scripts/obs1.py", pattern) is found


@given(_LETTERS, _LETTERS)
def test_here_and_in_the_journal_the_same_is_found(uri: str, pattern: str) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        (found,) = database.execute("SELECT ? LIKE ? ESCAPE '\\'", (uri, like(pattern))).fetchone()
    assert contains(uri, pattern) is bool(found)


def test_a_pattern_that_wants_everything_tried_takes_no_time() -> None:
    began = time.monotonic()
    assert not contains("file:///" + "a" * 4000, "*a" * 249 + "b")
    assert time.monotonic() - began < 1


def test_nothing_of_a_pattern_is_kept() -> None:
    tracemalloc.start()
    try:
        for n in range(100):
            assert not contains("file:///obs1.py", f"{n:08d}" + "*a?" * 160)
        assert tracemalloc.get_traced_memory()[0] < 2**18
    finally:
        tracemalloc.stop()


def _listed(i: int, state: str, uri: str = "file:///a.py") -> dict[str, Any]:
    return {"id": i, "state": state, "script": {"script_uri": uri}, "created": float(i)}


LISTED = [
    _listed(1, "FAILED"),
    _listed(2, "READY", "file:///b.py"),
    _listed(3, "READY"),
    _listed(4, "RUNNING"),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Listing(), [1, 2, 3, 4]),
        (Listing(limit=3), [2, 3, 4]),
        (Listing(before=3), [1, 2]),
        (Listing(states=("READY",)), [2, 3]),
        (Listing(states=("READY", "RUNNING"), limit=2), [3, 4]),
        (Listing(script="B.py"), [2]),
        (Listing(since=3.0), [3, 4]),
        (Listing(since=2.5, states=("READY",), script="a", before=4), [3]),
        (Listing(states=()), []),
    ],
)
def test_of_those_that_are_listed_the_wanted_ones_are_shown(wanted: Listing, ids: list[int]) -> None:
    assert [document["id"] for document in wanted.of(LISTED)] == ids


def test_a_document_of_an_earlier_release_tells_the_same_and_keeps_what_it_says() -> None:
    states = [["CREATING", 1.0], ["READY", 2.0], ["RUNNING", 3.0], ["STOPPED", 4.0]]
    earlier = {
        "history": {"process_states": states},
        "outcome": {"by": "alice"},
        "pid": None,
        "state": "STOPPED",
    }
    whole = procedure_document.whole(earlier)
    assert whole | earlier == whole
    told = {name: whole[name] for name in whole.keys() - earlier.keys()}
    assert told == {
        "created": 1.0,
        "started": 3.0,
        "ended": 4.0,
        "started_by": None,
        "stopped_by": "alice",
        "os_pid": None,
        "slowed": None,
        "aborts": None,
        "evicts": None,
        **Pace().to_dict(),
        **Origin().to_dict(),
    }
    assert procedure_document.whole(whole | {"started_by": "bob"})["started_by"] == "bob"


def test_what_never_ran_has_no_beginning_and_what_lives_no_end() -> None:
    document = activity.whole({"activity_states": [["REQUESTED", 1.0], ["PREPARED", 2.0]], "outcome": None})
    assert (document["created"], document["started"], document["ended"]) == (1.0, None, None)
    assert (document["started_by"], document["stopped_by"], document["script_uri"]) == (None, None, None)

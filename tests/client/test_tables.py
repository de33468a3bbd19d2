from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet_client.cli.description import describe_activity, describe_procedure
from ska_oso_oet_client.cli.durations import for_people
from ska_oso_oet_client.cli.fitting import fitted, prose
from ska_oso_oet_client.cli.tables import activity_table, procedure_table
from ska_oso_oet_client.cli.times import Times
from ska_oso_oet_client.decoding import decode
from ska_oso_oet_client.model import Activity, Procedure

from ..support.fake_oet import Answer, FakeOET, activity_json, procedure_json
from .conftest import Result


def complete() -> dict[str, Any]:
    """What is known of one that ran from two hours ago to an hour ago."""
    now = time.time()
    states = [["CREATING", now - 7201], ["RUNNING", now - 7200], ["COMPLETE", now - 3600]]
    return {"state": "COMPLETE", "history": {"process_states": states}}


def rows(*documents: dict[str, Any], in_list: bool = True) -> list[list[str]]:
    procedures = [decode(Procedure, document) for document in documents]
    heading, _, *lines = procedure_table(procedures, Times(), in_list=in_list).splitlines()
    after_state = heading.index("State")
    return [line[after_state:].split() for line in (heading, *lines)]


def test_a_list_has_no_columns_for_what_nobody_knows() -> None:
    assert rows(procedure_json(1)) == [["State"], ["READY"]]


def test_a_list_tells_when_something_began_how_long_it_took_and_who_started_it() -> None:
    done = procedure_json(1, **complete(), created_by="alice", started_by="bob")
    assert rows(done, procedure_json(2, created_by="carol")) == [
        ["State", "Duration", "Started", "By"],
        ["COMPLETE", "in", "1.0", "h", "2.0", "h", "ago", "bob"],
        ["READY", "carol"],
    ]
    assert rows(done, in_list=False)[0] == ["State", "Duration", "By"]


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ({"created_by": "alice", "started_by": "alice", "stopped_by": "alice"}, "alice"),
        ({"created_by": "alice", "stopped_by": "bob"}, "alice, stopped by bob"),
        ({"stopped_by": "bob"}, "?, stopped by bob"),
    ],
)
def test_who_stopped_it_is_told_where_that_was_somebody_else(who: dict[str, str], told: str) -> None:
    assert " ".join(rows(procedure_json(1, "STOPPED", **who))[1][1:]) == told


def test_activities_are_told_alike() -> None:
    activity = activity_json(
        1, "COMPLETE", activity_states=complete()["history"]["process_states"], started_by="bob"
    )
    table = activity_table([decode(Activity, activity)], Times(), in_list=True).splitlines()
    assert table[0].endswith("State     Duration    Started    By")
    assert table[2].endswith("COMPLETE  in 1.0 h    2.0 h ago  bob")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.9, "60 s"),
        (60, "1.0 min"),
        (7200, "2.0 h"),
        (260000, "3.0 d"),
    ],
)
def test_durations_are_told_in_the_largest_unit(seconds: float, text: str) -> None:
    assert for_people(seconds) == text


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fitting", "tables"):
        monkeypatch.setattr(f"ska_oso_oet_client.cli.{name}.columns", lambda: 60)


def test_on_a_narrow_terminal_the_rest_is_a_line_below_its_row(
    narrow: None,
) -> None:
    done = [decode(Procedure, procedure_json(n, **complete(), started_by="bob")) for n in (1, 2)]
    lines = procedure_table(done, Times(), in_list=True).splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "----", "1", "in", "2", "in"]
    assert lines[3] == "      in 1.0 h, started 2.0 h ago, by bob"


@pytest.mark.parametrize(
    ("cell", "begin", "end"),
    [
        ("file:///a/very/long/path/to/some/scripts/observe.py", "file:", "observe.py"),
        ('PUT /procedures/15 {"state": "RUNNING", "script_args": {}}', "PUT /procedures/15", "…"),
    ],
)
def test_paths_are_known_by_their_end_and_commands_by_their_beginning(
    narrow: None, cell: str, begin: str, end: str
) -> None:
    (row,) = fitted(
        ("ID", "What", "State"),
        [
            [1, cell, "READY"],
        ],
    )
    assert row[1].startswith(begin)
    assert row[1].endswith(end)
    assert len(row[1]) < len(cell)


def test_what_was_shortened_before_has_one_ellipsis(narrow: None) -> None:
    ((cell,),) = fitted(("What",), [["x" * 58 + "……" + "y" * 9]])
    assert cell == "x" * 58 + "…"


def test_arguments_are_wrapped_and_nothing_of_them_is_lost(narrow: None) -> None:
    given = {f"name_{n}": f"/a/path/{n}" for n in range(9)} | {"long": "z" * 99}
    arguments = {"init": {"args": [], "kwargs": {}}, "main": {"args": ["bob"], "kwargs": given}}
    history = {"process_states": [["READY", 1.0], ["RUNNING", 2.0]], "stacktrace": None}
    document = procedure_json(3, "RUNNING", script_args=arguments, history=history)
    text = describe_procedure(decode(Procedure, document), Times())
    assert max(map(len, text.splitlines())) <= 60
    assert repr(given).replace(" ", "") in "".join(text.split())


def test_a_script_is_named_whole_where_it_is_described(narrow: None) -> None:
    uri = f"file:///{'scripts/' * 8}observe.py"
    script = {"script_type": "filesystem", "script_uri": uri}
    text = describe_procedure(decode(Procedure, procedure_json(3, script=script)), Times())
    heading, rule, row, _, name, _, address, *_ = text.splitlines()
    assert (heading.split(), row.split()) == (["ID"], ["3"])
    assert len(rule) <= 60
    assert (name, address) == (f"Script: {uri}", f"URI: {procedure_json(3)['uri']}")


def test_text_is_wrapped_between_words_and_stays_indented(narrow: None) -> None:
    text = f"short\n    {'word ' * 20}\n{'x' * 70}"
    lines = prose(text).splitlines()
    assert (lines[0], lines[-1]) == ("short", "x" * 70)
    assert all(line.startswith("    word") and len(line) <= 60 for line in lines[1:-1])


def test_a_reason_in_place_of_what_runs_is_wrapped(narrow: None) -> None:
    why = "unknown: this OET drives subarray 1, not subarray 2, as it seems"
    (row,) = fitted(("Subarray", "Running", "State"), [[1, why, "no"]])
    assert " ".join(row[1].split()) == why


def test_a_repository_and_an_address_are_whole_where_they_are_described(narrow: None) -> None:
    repository = f"https://host/{'group/' * 8}scripts.git"
    script = {
        "script_type": "git",
        "script_uri": "git://a.py",
        "git_args": {"git_repo": repository, "git_branch": "main", "git_commit": None},
        "create_env": False,
    }
    text = describe_procedure(decode(Procedure, procedure_json(3, script=script)), Times())
    assert f"\n\nRepository: {repository}" in text
    activity = decode(Activity, activity_json(3, uri=repository, sbi_id="sbi-1"))
    assert f"\n\nURI: {repository}\n" in describe_activity(activity, Times())


def test_on_a_narrow_terminal_bodies_of_the_audit_are_lines_below(
    narrow: None, oet: FakeOET, run: Callable[..., Result]
) -> None:
    entry = {
        "id": 1,
        "time": 1.0,
        "user": None,
        "name": None,
        "address": "127.0.0.1",
        "method": "PUT",
        "path": "/procedures/1",
        "what": json.dumps({"state": "RUNNING", "script_args": {"main": {"args": [], "kwargs": {}}}}),
        "status": 200,
        "detail": None,
        "request_id": None,
    }
    oet.plan("GET", "/audit", Answer(body=[entry]))
    _, _, row, below = run("audit").out.splitlines()
    assert row.split()[:3] == ["1970-01-01", "00:00:01", "127.0.0.1"]
    assert below.startswith('      {"state": "RUNNING"')
    assert len(below) <= 60


def test_a_list_of_scripts_names_them_whole(narrow: None, oet: FakeOET, run: Callable[..., Result]) -> None:
    uri, summary = f"file://{'night/' * 6}observe.py", "Observes all night long. " * 4
    one = {"uri": uri, "packaged": False, "summary": summary, "error": None}
    oet.plan("GET", "/scripts", Answer(body=[one]))
    heading, _, first, *more = run("script", "list").out.splitlines()
    assert heading.split() == ["Script", "About"]
    assert first.startswith(f"{uri} ")
    assert " ".join(" ".join((first.removeprefix(uri), *more)).split()) == summary.strip()

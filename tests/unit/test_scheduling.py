"""What the OET reads in a scheduling block, and what it says about its execution."""

from __future__ import annotations

import copy
import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.domain.errors import Invalid
from ska_oso_oet.domain.instances import instance
from ska_oso_oet.domain.scheduling import InlineScript, SchedulingBlock, checked_sbd_id, merged
from ska_oso_oet.domain.scripts import Arguments, FileScript, GitScript

SBD_ID = "sbd-mvp01-20220923-00001"

SBD: dict[str, Any] = {
    "interface": "https://schema.skao.int/ska-oso-pdm-sbd/0.1",
    "sbd_id": SBD_ID,
    "telescope": "ska_mid",
    "metadata": {"version": 3, "created_by": "Liz Bartlett"},
    "activities": {
        "allocate": {
            "kind": "filesystem",
            "path": "file:///scripts/allocate.py",
            "function_args": {
                "init": {"args": ["posarg1"], "kwargs": {"subarray_id": "1"}},
                "main": {"args": [1, 2], "kwargs": {"a": 1, "b": {"deep": True}}},
            },
        },
        "observe": {
            "kind": "git",
            "repo": "https://gitlab.com/group/project.git",
            "branch": "feature/x",
            "commit": "DEADBEEF",
            "path": "git://scripts/observe.py",
        },
    },
    "targets": [{"target_id": "NGC 7793"}],
}


def block(activity: Any = None, **fields: Any) -> SchedulingBlock:
    """A block; its only activity `a` is the given one."""
    document = SBD | fields
    return SchedulingBlock.from_dict(
        document if activity is None else SBD | {"activities": {"a": activity}}, SBD_ID
    )


@pytest.mark.parametrize("key", ["kind", "procedure_type"])
def test_activities_of_2022_and_2023_are_read(key: str) -> None:
    given = {"init": {"args": [1]}, "run": {"kwargs": {"a": 2}}}
    found = block({key: "filesystemscript", "path": "file:///x.py", "default_args": given}).activity("a")
    assert found.script == FileScript(script_uri="file:///x.py")
    assert (found.arguments["init"].args, found.arguments["main"].kwargs) == ((1,), {"a": 2})
    found = block({key: "gitscript", "path": "/scripts/x.py", "repo": "https://host/r.git"}).activity("a")
    assert isinstance(found.script, GitScript)
    assert found.script.path == "scripts/x.py"


def test_a_block_knows_its_version_and_telescope_and_keeps_all_its_text() -> None:
    found = block()
    assert (found.sbd_id, found.version, found.telescope) == (SBD_ID, 3, "ska_mid")
    assert found.document == SBD


@pytest.mark.parametrize("metadata", [None, {}, {"version": None}])
def test_a_block_that_tells_no_version_is_version_1(metadata: Any) -> None:
    assert block(metadata=metadata).version == 1


def test_a_block_is_what_it_was_asked_for_whatever_id_it_holds() -> None:
    assert block(sbd_id="sbi-mvp01-20200325-00001").sbd_id == SBD_ID
    assert SchedulingBlock.from_dict({}, "x").sbd_id == "x"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "scheduling block sbd-1 must be an object"),
        (None, "scheduling block sbd-1 must be an object"),
        ({"activities": []}, "activities of scheduling block sbd-1 must be an object"),
        ({"metadata": "new"}, "metadata of scheduling block sbd-1 must be an object"),
        (
            {"metadata": {"version": "1"}},
            "metadata.version of scheduling block sbd-1 must be a whole number, not '1'",
        ),
        (
            {"metadata": {"version": True}},
            "metadata.version of scheduling block sbd-1 must be a whole number, not True",
        ),
        (
            {"metadata": {"version": -5}},
            "metadata.version of scheduling block sbd-1 must be at least 1, not -5",
        ),
        ({"telescope": 1}, "telescope of scheduling block sbd-1 must be text, not 1"),
        (
            {"targets": json.loads("[" * 300 + "]" * 300)},
            "scheduling block sbd-1 must not be nested more than 200 levels deep",
        ),
    ],
)
def test_a_block_that_cannot_be_used_is_named_with_its_field(document: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        SchedulingBlock.from_dict(document, "sbd-1")
    assert refused.value.detail == sentence


@pytest.mark.parametrize(
    ("activities", "has"),
    [(SBD["activities"], "allocate, observe"), ({"z": {}, "b": {}}, "b, z"), ({}, "none"), (None, "none")],
)
def test_an_activity_that_is_not_there_is_answered_with_those_that_are(activities: Any, has: str) -> None:
    with pytest.raises(Invalid) as refused:
        block(activities=activities).activity("foo")
    assert refused.value.detail == f"scheduling block {SBD_ID} has no activity 'foo'; it has: {has}"


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("file:///scripts/x.py", "file:///scripts/x.py"),
        ("file://x.py", "file://x.py"),
        ("/scripts/x.py", "file:///scripts/x.py"),
        ("folder/x.py", "file://folder/x.py"),
    ],
)
def test_a_script_in_the_file_system_is_named_by_uri_or_path(path: str, uri: str) -> None:
    found = block({"kind": "filesystem", "path": path}).activity("a")
    assert found.script == FileScript(script_uri=uri)


@pytest.mark.parametrize("path", ["git://scripts/x.py", "scripts/x.py"])
def test_a_script_in_git_is_named_by_uri_or_path(path: str) -> None:
    found = block({"kind": "git", "path": path, "repo": None, "branch": None}).activity("a")
    assert found.script == GitScript(script_uri="git://scripts/x.py")


def test_a_script_in_git_is_the_one_of_the_commit_and_branch_of_the_block() -> None:
    assert block().activity("observe", create_env=True).script == GitScript(
        script_uri="git://scripts/observe.py",
        git_repo="https://gitlab.com/group/project.git",
        git_branch="feature/x",
        git_commit="deadbeef",
        create_env=True,
    )


def test_a_script_in_git_may_have_its_environment_made_anew() -> None:
    script = block().activity("observe", create_env="fresh").script
    assert isinstance(script, GitScript)
    assert script.create_env == "fresh"


def test_a_script_may_be_held_by_the_block_itself() -> None:
    content = "def main(subarray_id):\n    pass\n"
    assert block({"kind": "inline", "content": content}).activity("a").script == InlineScript(content=content)


@pytest.mark.parametrize(
    ("activity", "create_env", "sentence"),
    [
        ([], False, "it must be an object"),
        ({}, False, "unknown kind None; use 'filesystem', 'git' or 'inline'"),
        ({"kind": ["git"]}, False, "unknown kind ['git']; use 'filesystem', 'git' or 'inline'"),
        ({"kind": "filesystem"}, False, "path must name a script"),
        ({"kind": "filesystem", "path": 7}, False, "path must name a script"),
        ({"kind": "filesystem", "path": "x.txt"}, False, "must name a Python file"),
        ({"kind": "filesystem", "path": "git://x.py"}, False, "must start with 'file://'"),
        ({"kind": "filesystem", "path": "http://host/x.py"}, False, "must start with 'file://'"),
        ({"kind": "filesystem", "path": "x.py"}, True, "create_env are for scripts of type 'git' only"),
        ({"kind": "git", "path": "file:///x.py"}, False, "must start with 'git://'"),
        ({"kind": "git", "path": "../x.py"}, False, "must be a path from the root of the repository"),
        ({"kind": "git", "path": "/../x.py"}, False, "must be a path from the root of the repository"),
        ({"kind": "git", "path": "x.py", "commit": "main"}, False, "must be 4 to 40 hexadecimal digits"),
        ({"kind": "git", "path": "x.py", "branch": "--all"}, False, "cannot be the name of a branch"),
        ({"kind": "git", "path": "x.py", "repo": "-oX"}, False, "must be the URL of a repository"),
        ({"kind": "git", "path": "x.py", "repo": 7}, False, "must be the URL of a repository"),
        ({"kind": "inline"}, False, "content must be the text of a script"),
        ({"kind": "inline", "content": " \n"}, False, "content must be the text of a script"),
        ({"kind": "inline", "content": ["pass"]}, False, "content must be the text of a script"),
        ({"kind": "inline", "content": "'\ud800'"}, False, "content must be text that UTF-8 can carry"),
        ({"kind": "inline", "content": "pass"}, True, "create_env is for scripts of type 'git' only"),
        (
            {"kind": "inline", "content": "pass", "function_args": []},
            False,
            "function_args must be an object",
        ),
        (
            {"kind": "inline", "content": "pass", "function_args": {"init": {"args": "x"}}},
            False,
            "init: args must be a list",
        ),
        (
            {"kind": "inline", "content": "pass", "function_args": {"run": {"kwargs": []}}},
            False,
            "main: kwargs must be an object",
        ),
    ],
)
def test_an_activity_that_cannot_be_used_is_named_with_its_block(
    activity: Any, create_env: bool, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        block(activity).activity("a", create_env)
    assert refused.value.detail.startswith(f"activity 'a' of scheduling block {SBD_ID}: ")
    assert sentence in refused.value.detail


def test_an_activity_that_cannot_be_used_does_not_spoil_the_others() -> None:
    found = block(activities={"bad": 7, "good": {"kind": "inline", "content": "pass"}})
    assert found.activity("good").name == "good"


NOTHING = Arguments()


@pytest.mark.parametrize(
    ("function_args", "init", "main"),
    [
        (None, NOTHING, NOTHING),
        ({}, NOTHING, NOTHING),
        ({"init": None, "main": None}, NOTHING, NOTHING),
        ({"init": {}, "main": {"args": None, "kwargs": None}}, NOTHING, NOTHING),
        ({"init": {"args": [1]}}, Arguments(args=(1,)), NOTHING),
        ({"main": {"kwargs": {"a": 1}}}, NOTHING, Arguments(kwargs={"a": 1})),
        ({"run": {"args": [1]}}, NOTHING, Arguments(args=(1,))),
        ({"main": None, "run": {"args": [1]}}, NOTHING, Arguments(args=(1,))),
        ({"main": {"args": [2]}, "run": {"args": [1]}}, NOTHING, Arguments(args=(2,))),
        ({"other": {"args": [1]}}, NOTHING, NOTHING),
        ({"init": {"kwargs": {"subarray_id": "12"}}}, Arguments(kwargs={"subarray_id": 12}), NOTHING),
        ({"init": {"kwargs": {"subarray_id": "1a"}}}, Arguments(kwargs={"subarray_id": "1a"}), NOTHING),
        ({"init": {"kwargs": {"subarray_id": "-1"}}}, Arguments(kwargs={"subarray_id": "-1"}), NOTHING),
        ({"init": {"kwargs": {"subarray_id": "٣"}}}, Arguments(kwargs={"subarray_id": "٣"}), NOTHING),
        ({"init": {"kwargs": {"subarray_id": 2}}}, Arguments(kwargs={"subarray_id": 2}), NOTHING),
    ],
)
def test_arguments_may_be_absent_at_every_level(function_args: Any, init: Arguments, main: Arguments) -> None:
    found = block({"kind": "inline", "content": "pass", "function_args": function_args}).activity("a")
    assert found.arguments == {"init": init, "main": main}


def test_reading_an_activity_changes_nothing_in_the_block() -> None:
    before = copy.deepcopy(SBD)
    merged(block().activity("allocate").arguments, {"main": {"kwargs": {"a": 7}}})
    assert before == SBD


STORED = {
    "init": Arguments(args=(1,), kwargs={"x": 1}),
    "main": Arguments(args=(2, 3), kwargs={"a": 1, "b": 2}),
}


@pytest.mark.parametrize(
    ("given", "init", "main"),
    [
        (None, STORED["init"], STORED["main"]),
        ({}, STORED["init"], STORED["main"]),
        ({"init": None, "main": {"args": [], "kwargs": {}}}, STORED["init"], STORED["main"]),
        (
            {"main": {"kwargs": {"b": 7, "c": 8}}},
            STORED["init"],
            Arguments(args=(2, 3), kwargs={"a": 1, "b": 7, "c": 8}),
        ),
        ({"main": {"args": [9]}}, STORED["init"], Arguments(args=(9,), kwargs={"a": 1, "b": 2})),
        ({"init": {"kwargs": {"x": None}}}, Arguments(args=(1,), kwargs={"x": None}), STORED["main"]),
        (
            {"init": {"kwargs": {"subarray_id": "3", "sb_json": "mine"}}},
            Arguments(args=(1,), kwargs={"x": 1, "subarray_id": 3, "sb_json": "mine"}),
            STORED["main"],
        ),
    ],
)
def test_what_the_user_gives_goes_over_what_the_block_holds(
    given: Any, init: Arguments, main: Arguments
) -> None:
    assert merged(STORED, given) == {"init": init, "main": main}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "script_args must be an object"),
        ({"run": {}}, "script_args may hold arguments for init and main, not for 'run'"),
        ({"main": {"kwargs": {"sb_json": "x"}}}, "main must not be given sb_json: the OET gives it itself"),
        ({"main": {"kwargs": {"sbi_id": None}}}, "main must not be given sbi_id: the OET gives it itself"),
        ({"main": []}, "main: arguments must be an object with args and kwargs"),
        ({"init": {"args": {}}}, "init: args must be a list"),
    ],
)
def test_what_the_user_may_not_give_is_named(given: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        merged(STORED, given)
    assert refused.value.detail == sentence


keywords = st.dictionaries(st.sampled_from("abcdef"), st.integers())
arguments = st.builds(
    lambda args, kwargs: Arguments(args=tuple(args), kwargs=kwargs), st.lists(st.integers()), keywords
)


@given(stored=arguments, given=arguments)
def test_every_keyword_of_both_is_there_and_the_users_wins(stored: Arguments, given: Arguments) -> None:
    main = merged({"main": stored}, {"main": given.to_dict()})["main"]
    assert main.kwargs.keys() == stored.kwargs.keys() | given.kwargs.keys()
    assert given.kwargs.items() <= main.kwargs.items()
    assert main.args == (given.args or stored.args)


@pytest.mark.parametrize(
    "text", [SBD_ID, "sbd-g5a6efea4ev", "x", "a b", "ä#?%&+", "a..b", "x" * 200, "-x", "sbi-1"]
)
def test_every_style_of_id_is_accepted(text: str) -> None:
    assert checked_sbd_id(text) == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".x", "a/b", "a\\b", "a\nb", "a\0", "x" * 201, "\ud800", "\u202e", None, 7]
)
def test_an_id_that_is_not_safe_is_refused(text: Any) -> None:
    with pytest.raises(Invalid, match="cannot be the id of a scheduling block, which has 1 to 200 printable"):
        checked_sbd_id(text)


@given(st.text(max_size=220))
def test_an_accepted_id_is_one_element_of_a_path(text: str) -> None:
    try:
        checked_sbd_id(text)
    except Invalid:
        return
    assert len(text.encode()) > 0
    assert "/" not in text and text not in (".", "..") and "\n" not in text


def test_an_instance_tells_what_was_executed_when_and_with_what() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    when = datetime.datetime(2022, 9, 23, 17, 43, 53, 971548, tzinfo=zone)
    found = instance(block(), "sbi-1", "allocate", merged(STORED, {"main": {"kwargs": {"b": 7}}}), when)
    assert found == {
        "interface": "https://schema.skao.int/ska-oso-pdm-sbi/0.1",
        "sbi_id": "sbi-1",
        "sbd_ref": SBD_ID,
        "sbd_version": 3,
        "telescope": "ska_mid",
        "activities": [
            {
                "activity_ref": "allocate",
                "executed_at": "2022-09-23T15:43:53.971548+00:00",
                "runtime_args": [
                    {"function_name": "init", "function_args": {"args": [1], "kwargs": {"x": 1}}},
                    {"function_name": "main", "function_args": {"args": [2, 3], "kwargs": {"a": 1, "b": 7}}},
                ],
            }
        ],
        "metadata": {
            "version": 1,
            "created_by": "oet",
            "created_on": "2022-09-23T15:43:53.971548+00:00",
            "last_modified_by": "oet",
            "last_modified_on": "2022-09-23T15:43:53.971548+00:00",
        },
    }
    assert json.loads(json.dumps(found)) == found


def test_an_instance_names_the_user_where_it_is_known() -> None:
    now = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
    metadata = instance(block(), "sbi-1", "observe", {}, now, "m.keller")["metadata"]
    assert (metadata["created_by"], metadata["last_modified_by"]) == ("m.keller", "m.keller")

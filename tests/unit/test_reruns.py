"""What a rerun repeats, what it refuses, and what it tells."""

from __future__ import annotations

import json

import pytest

from ska_oso_oet.domain.errors import Conflict, Invalid
from ska_oso_oet.domain.origin import NEWEST, Origin
from ska_oso_oet.domain.procedure import Procedure
from ska_oso_oet.domain.procedure_document import whole
from ska_oso_oet.domain.reruns import (
    RerunProcedure,
    changed_file,
    other_arguments,
    require_unmasked,
    require_whole,
    same_script,
)
from ska_oso_oet.domain.scripts import Arguments, FileScript, GitScript

COMMIT = "0123456789ab" + "c" * 28
AGAIN = RerunProcedure(pid=12)
FILE = FileScript(script_uri="file:///a.py")
GIT = GitScript(script_uri="git://a.py", git_branch="main", resolved_commit=COMMIT)


def test_a_document_of_an_earlier_release_is_completed() -> None:
    procedure, _ = Procedure.create(7, FILE, Arguments(), 1.0, "me")
    old = {name: value for name, value in procedure.to_dict().items() if name not in Origin().to_dict()}
    assert Procedure.from_dict(old).origin == Origin()
    completed = whole(old)
    assert (completed["rerun_of"], completed["differs"], completed["script_sha256"]) == (None, [], None)


def test_the_command_reads_back_from_its_json_form() -> None:
    command = RerunProcedure(
        pid=1, main=Arguments(args=(1,)), newest=True, aid=2, activity_id=3, script=GIT, accept_changes=True
    )
    assert RerunProcedure.from_dict(json.loads(json.dumps(command.to_dict()))) == command


def test_the_newest_commit_is_told_once_it_is_known() -> None:
    origin = Origin(rerun_of=1, differs=(f"{NEWEST}{COMMIT[:12]}", "something else"))
    assert origin.resolved("f" * 40).differs == (
        "commit ffffffffffff instead of 0123456789ab",
        "something else",
    )
    assert origin.resolved(COMMIT).differs == ("something else",)


def test_the_commit_goes_before_the_branch_unless_the_newest_is_wanted() -> None:
    script, differs = same_script(AGAIN, GIT, GIT)
    assert isinstance(script, GitScript)
    assert (script.git_commit, script.git_branch, differs) == (COMMIT, "main", [])
    script, differs = same_script(RerunProcedure(pid=12, newest=True), script, GIT)
    assert isinstance(script, GitScript)
    assert (script.git_commit, script.git_branch) == (None, "main")
    assert differs == [f"{NEWEST}{COMMIT[:12]}"]
    with pytest.raises(Conflict, match="oet procedure rerun --pid=12 --newest$"):
        same_script(AGAIN, GIT, GitScript(script_uri="git://a.py"))
    with pytest.raises(Invalid, match="newest"):
        same_script(RerunProcedure(pid=12, newest=True), FILE, FILE)
    with pytest.raises(Conflict, match="another kind of script"):
        same_script(AGAIN, FILE, GIT)


def test_a_changed_file_names_both_hashes_and_the_command() -> None:
    assert changed_file(AGAIN, FILE, "a" * 64, "a" * 64) == []
    with pytest.raises(Conflict, match=f"{'b' * 12} instead of {'a' * 12}; .*--pid=12 --accept_changes$"):
        changed_file(AGAIN, FILE, "a" * 64, "b" * 64)
    with pytest.raises(Conflict, match="oet activity rerun --aid=3 --accept_changes$"):
        changed_file(RerunProcedure(pid=12, aid=3), FILE, "a" * 64, "b" * 64)


@pytest.mark.parametrize(
    ("remembered", "given", "named"),
    [
        (Arguments(kwargs={"token": "***"}), Arguments(), "argument token of main has"),
        (Arguments(kwargs={"db": [{"password": "***"}]}), Arguments(), "argument db of main has"),
        (Arguments(kwargs={"***": 1}), Arguments(), "of main has"),
        (Arguments(args=("https://***@host",)), Arguments(), "the positional arguments of main have"),
        (Arguments(args=("***",)), Arguments(args=("a",)), None),
        (Arguments(kwargs={"token": "***"}), Arguments(kwargs={"token": "a"}), None),
        (Arguments(args=(1,), kwargs={"n": None}), Arguments(), None),
    ],
)
def test_a_masked_argument_must_be_given_again(
    remembered: Arguments, given: Arguments, named: str | None
) -> None:
    if named is None:
        require_unmasked(AGAIN, "main", remembered, given)
        return
    with pytest.raises(Conflict, match="--NAME=VALUE") as refused:
        require_unmasked(AGAIN, "main", remembered, given)
    assert named in str(refused.value)


def test_a_masked_address_cannot_be_run() -> None:
    require_whole(AGAIN, GIT)
    with pytest.raises(Conflict, match="create a procedure of it again"):
        require_whole(AGAIN, GitScript(script_uri="git://a.py", git_repo="https://***@host/a"))


def test_differences_are_short_and_few() -> None:
    many = Arguments(kwargs={f"n{n}": "x" * 1000 for n in range(100)})
    told = other_arguments("main", Arguments(), many)
    assert len(told) == 21
    assert told[-1] == "80 more arguments of main"
    assert max(map(len, told)) < 200
    assert other_arguments("main", many, many) == []
    assert other_arguments("init", Arguments(kwargs={"a": True}), Arguments(kwargs={"a": 1})) == [
        "argument a of init: 1 instead of true"
    ]

"""``oet script`` and ``oet procedure files`` and ``fetch``, against an OET that may be malicious."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ..support.fake_oet import BASE, Answer, FakeOET
from .conftest import Result

Run = Callable[..., Result]


def files(*names: str) -> Answer:
    told = [
        {
            "path": name,
            "uri": f"http://oet{BASE}/procedures/1/files/{name}",
            "size": 1,
            "modified": 1.0,
        }
        for name in names
    ]
    return Answer(body={"procedure_id": 1, "files": told, "more": False})


@pytest.mark.parametrize("name", ["../x", "a/%2E%2E/../x", "%2Fetc/x", "a%00b", "a//b"])
def test_no_name_of_a_file_leads_out_of_the_folder_it_is_fetched_to(
    oet: FakeOET, run: Run, tmp_path: Path, name: str
) -> None:
    oet.plan("GET", "/procedures/1/files", files(name))
    told = run("procedure", "fetch", "1", f"--to={tmp_path / 'here'}")
    assert told.status == 2
    assert "is no name of a file of procedure 1" in told.err
    assert not list(tmp_path.rglob("x"))


def test_the_words_after_the_id_are_names(oet: FakeOET, run: Run) -> None:
    for words in (("1", "nothing"), ("--pid=1", "nothing"), ("nothing", "--pid=1")):
        oet.plan("GET", "/procedures/1/files", files("a"))
        oet.plan("GET", "/procedures/1/files/nothing", Answer.problem(404, "no file 'nothing'"))
        told = run("procedure", "fetch", *words)
        assert (told.status, told.err) == (3, "Error: no file 'nothing' (subarray 1)\n")


def test_names_cannot_steer_the_terminal(oet: FakeOET, run: Run) -> None:
    oet.plan("GET", "/procedures/1/files", files("a\x1b[2J\nb"))
    told = run("procedure", "files", "1")
    assert "\x1b" not in told.out
    assert "a b" in told.out


def test_a_script_cannot_steer_the_terminal(oet: FakeOET, run: Run) -> None:
    function = {"signature": "main(x='\x1b[2J')", "parameters": [], "docstring": "one\n\x1b]0;two\x07three"}
    script = {
        "uri": "file://x.py",
        "path": "/x.py",
        "packaged": False,
        "summary": None,
        "error": None,
        "docstring": None,
        "init": None,
        "main": function,
    }
    oet.plan("GET", "/scripts/x.py", Answer(body=script))
    told = run("script", "show", "file://x.py")
    assert told.out == (
        "file://x.py is /x.py\n\nmain(x='')\n    one\n    three\n\nTo run it: oet procedure run file://x.py\n"
    )


def test_hidden_files_are_fetched_only_if_they_are_named(oet: FakeOET, run: Run, tmp_path: Path) -> None:
    oet.plan("GET", "/procedures/1/files", files(".bashrc", ".ssh/x"))
    told = run("procedure", "fetch", "1", f"--to={tmp_path}")
    assert told.status == 0
    assert "Hidden files were left out: .bashrc, .ssh/x; to fetch them, name them" in told.err
    assert not list(tmp_path.iterdir())

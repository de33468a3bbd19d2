"""What Tab offers in a real bash: words, and what the server knows; never an error."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..support.fake_oet import Answer, FakeOET

OET = Path(sys.executable).with_name("oet")
BREAKS = " \t\n\"'@><=;|&(:"
SCRIPTS = [
    {"uri": uri, "packaged": False, "summary": None, "error": None}
    for uri in ("file://obs1.py", "file://obs2.py", "file://a b$(x).py", "file://\x1b[2J.py")
]


def tab(line: str, shell: str = "bash") -> list[str]:
    """What is offered where Tab is pressed at the end of the line."""
    typed = f"COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_WORDBREAKS={shlex.quote(BREAKS)}"
    done = subprocess.run(
        [
            *("bash", "--norc", "-c"),
            f'eval "$({OET} completion {shell})"; {typed.replace(" COMP", "; COMP")}; '
            f'_oet_completion {OET}; printf "%s\\n" "${{COMPREPLY[@]}}"',
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def test_ids_are_offered_as_an_option_and_by_position(oet: FakeOET) -> None:
    oet.add(7, "COMPLETE")
    oet.add(8, "READY")
    oet.add(12, "RUNNING")
    assert tab("oet procedure describe ") == ["12", "8", "7"]
    assert tab("oet procedure describe 1") == ["12"]
    assert tab("oet procedure logs --pid=") == ["12", "8", "7"]
    assert tab("oet procedure logs --pid ") == ["12", "8", "7"]
    assert tab("oet procedure start --pid=") == ["8"]
    assert tab("oet procedure stop ") == ["12", "8"]
    oet.add_activity(3, "RUNNING")
    assert tab("oet activity describe --aid=") == ["3"]
    assert tab("oet activity stop ") == ["3"]


@pytest.mark.parametrize("options", ["--subarray_id=1", "--subarray_id 1", "--output=json --subarray_id=1"])
def test_what_was_said_before_counts(oet: FakeOET, monkeypatch: pytest.MonkeyPatch, options: str) -> None:
    oet.add(8, "READY")
    monkeypatch.setenv("OET_URL", oet.url.replace("/oet/1/", "/oet/{SUBARRAY_ID}/"))
    monkeypatch.setenv("OET_SUBARRAY_ID", "2")
    assert tab(f"oet {options} procedure start --pid=") == ["8"]
    assert tab(f"oet procedure describe {options} --pid ") == ["8"]
    assert tab(f"oet {options} procedure st") == ["start", "stop"]


def test_scripts_are_offered_and_what_the_shell_would_run_is_none(oet: FakeOET) -> None:
    oet.plan("GET", "/scripts", *[Answer(body=SCRIPTS)] * 4)
    assert tab("oet procedure create file://obs") == ["//obs1.py", "//obs2.py"]
    assert tab("oet procedure run obs2") == ["file://obs2.py"]
    assert tab("oet script show file://a") == [r"//a\ b\$\(x\).py"]
    assert tab("oet procedure create git://") == []
    assert len(tab("oet script show ")) == 3


def test_activities_and_scheduling_blocks_that_were_observed_are_offered(oet: FakeOET) -> None:
    oet.add_activity(3, "COMPLETE")
    oet.add_activity(4, "COMPLETE")
    assert tab("oet --subarray_id=1 activity run ") == ["observe"]
    assert tab("oet activity run observe ") == ["sbd-123"]
    assert tab("oet activity run greet ") == []


def test_environments_and_topics_are_offered(oet: FakeOET) -> None:
    kept = {"id": "tree-1", "kind": "tree", "repository": "r", "commit": None}
    oet.plan("GET", "/environments", Answer(body=[{**kept, "size": 1, "created": 1.0, "used": 1.0}]))
    assert tab("oet environment remove ") == ["tree-1"]
    assert "procedure.lifecycle" in tab("oet listen --topics=proc")
    assert "sb,scan.lifecycle" in tab("oet listen --exclude=sb,scan")


def test_a_server_that_is_away_or_silent_costs_little_and_says_nothing(
    oet: FakeOET, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        for address in (silent.getsockname(), ("127.0.0.1", 9), ("no.such.host.invalid", 80)):
            monkeypatch.setenv("OET_URL", f"http://{address[0]}:{address[1]}/ska-oso-oet/oet/1/api/v1")
            began = time.monotonic()
            assert tab("oet procedure stop ") == []
            assert time.monotonic() - began < 10  # the answer is not waited for more than a second
    for url in ("nonsense", "http://["):
        monkeypatch.setenv("OET_URL", url)
        assert tab("oet procedure stop ") == []


@pytest.mark.parametrize(
    "line",
    ["oet 'procedure ", "oet --subarray_id=x procedure st", "oet no ", "oet procedure stop --pid=x "],
)
def test_a_line_that_makes_no_sense_is_no_error(oet: FakeOET, line: str) -> None:
    tab(line)


def test_zsh_and_fish_get_whole_words(oet: FakeOET) -> None:
    oet.add(8, "READY")
    for shell, told in (("zsh", "plain\n--pid=8\nfile:///scripts/8.py READY"), ("fish", "plain,--pid=8\t")):
        words = "oet procedure start --pid="
        done = subprocess.run(
            [OET],
            env={
                **os.environ,
                "_OET_COMPLETE": f"{shell}_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": "3" if shell == "zsh" else "--pid=",
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert told in done.stdout
        assert done.stderr == ""

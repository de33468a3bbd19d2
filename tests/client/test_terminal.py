"""What a script prints or says cannot steer the terminal of whoever looks at it."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet_client.cli import entry
from ska_oso_oet_client.terminal import Screen, printable, printable_lines

from ..support.fake_oet import Answer, FakeOET, chunk_json, printed, procedure_json, sse
from .conftest import Result

Run = Callable[..., Result]

HARMLESS = re.compile("(?:[\t\n\r -~\xa0-\U0010ffff]|\x1b\\[[0-9;:]*m)*")
RED, RESET = "\x1b[31m", "\x1b[0m"

SEQUENCES = {
    "clear the screen": "\x1b[2J",
    "move the cursor": "\x1b[10;20H",
    "private mode": "\x1b[?1049h",
    "keys instead of colours": "\x1b[>4;1m",
    "with an intermediate": "\x1b[1 q",
    "8-bit CSI": "\x9b2J",
    "8-bit colour": "\x9b31m",
    "title, ended by BEL": "\x1b]0;evil\x07",
    "title, ended by ST": "\x1b]0;evil\x1b\\",
    "title, ended by 8-bit ST": "\x1b]2;evil\x9c",
    "8-bit title": "\x9d0;evil\x07",
    "title of screen": "\x1bkevil\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "hyperlink": "\x1b]8;;http://evil\x1b\\",
    "DCS": "\x1bP+q544e\x1b\\",
    "8-bit DCS": "\x90+q544e\x9c",
    "APC": "\x1b_Gevil\x1b\\",
    "PM": "\x1b^evil\x1b\\",
    "SOS": "\x1bXevil\x1b\\",
    "through tmux": "\x1bPtmux;\x1b\x1b]0;evil\x07\x1b\\",
    "reset": "\x1bc",
    "alignment test": "\x1b#8",
    "other letters": "\x1b(0",
    "other letters too": "\x0e\x0f",
    "index": "\x1bD",
    "8-bit next line": "\x85",
    "bell": "\x07",
    "backspace": "\x08\x08",
    "delete": "\x7f",
    "answer back": "\x05",
    "form feed": "\x0b\x0c",
    "cancelled": "\x1b[3\x18",
    "too long for a colour": f"\x1b[{'1;' * 500}1m",
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_no_sequence_but_colours_gets_through_in_however_many_pieces_it_comes(sequence: str) -> None:
    assert Screen().show(f"a{sequence}b\n") == "ab\n"
    screen = Screen()
    assert "".join(map(screen.show, f"a{sequence}b\n")) == "ab\n"


@pytest.mark.parametrize("start", ["\x1b]0;evil", "\x1bPevil", "\x9fevil", "\x1b[31", "\x1b"])
def test_a_sequence_without_an_end_hides_no_more_than_its_line(start: str) -> None:
    screen = Screen()
    assert [screen.show(f"a{start}"), screen.show("\nnext\n")] == ["a", "\nnext\n"]


@given(st.lists(st.text(st.sampled_from("ab\n\r\t\x07\x08\x1b[]0;31mPX^_k\\ ?c\x9b\x9d\x9c\x90é\u2603"))))
def test_whatever_comes_only_letters_and_whole_colours_are_written(pieces: list[str]) -> None:
    screen = Screen()
    shown = "".join([*map(screen.show, pieces), screen.pause()])
    assert HARMLESS.fullmatch(shown)
    colours = re.findall("\x1b\\[[0-9;:]*m", shown)
    assert not colours or re.fullmatch("\x1b\\[[0;]*m", colours[-1])


@given(st.lists(st.text(st.sampled_from("ab\n\r\t é"))))
def test_text_is_left_as_it_is(pieces: list[str]) -> None:
    screen = Screen()
    assert list(map(screen.show, pieces)) == pieces
    assert screen.pause() == ""


def test_colours_and_the_return_of_a_progress_bar_get_through() -> None:
    text = f"\r 50% {RED}red{RESET}\r\n\x1b[38;2;1;2;3m\x1b[4:3mfine\x1b[m\n"
    screen = Screen()
    assert "".join(map(screen.show, text)) == text
    assert screen.pause() == ""


def test_a_sequence_of_one_stream_goes_on_after_a_piece_of_the_other() -> None:
    screen = Screen()
    pieces = [("out", "a\x1b]0;ev"), ("err", "warning\n"), ("out", "il\x07b"), ("err", "31m")]
    assert [screen.show(text, stream) for stream, text in pieces] == ["a", "warning\n", "b", "31m"]


def test_colours_are_off_while_others_write_and_on_again_afterwards() -> None:
    screen = Screen()
    assert screen.show(f"{RED}red") == f"{RED}red"
    assert (screen.pause(), screen.pause()) == (RESET, "")
    assert screen.show("\x1b[1m") == ""  # nothing to colour yet
    assert screen.show(f"bold{RESET}plain") == f"{RED}\x1b[1mbold{RESET}plain"
    assert screen.pause() == ""


def test_a_line_of_others_has_no_colours_either() -> None:
    assert printable(f"{RED}red{RESET}\x1b]0;evil\x07\rb\nc\x9b2J\u202e") == "red b c"
    assert printable_lines("a\x1b[2J\n\tb") == "a\n b"


EVIL = f"a\x1b]0;evil\x07b\x1b[2Jc\x9b2Jd\x1b[8me\x08{RED}"
SHOWN = f"abcde{RED}{RESET}"


def test_logs_are_shown_so(oet: FakeOET, run: Run) -> None:
    oet.add(1, "COMPLETE")
    oet.output[1] = [chunk_json(1, "a\x1b]0;ev"), chunk_json(2, "oh\n", "stderr"), chunk_json(3, "il\x07b")]
    assert run("procedure", "logs").out == "aoh\nb"
    assert run("procedure", "logs", "--raw").out == "a\x1b]0;evoh\nil\x07b"
    oet.output[1] = [chunk_json(1, EVIL)]
    for words in ([], ["--tail=1"], ["--stream=stdout"]):
        assert run("procedure", "logs", *words).out == SHOWN
        assert run("procedure", "logs", "--raw=True", *words).out == EVIL
    assert json.loads(run("procedure", "logs", "--output=json").out)["text"] == EVIL


def test_following_is_shown_so(oet: FakeOET, run: Run) -> None:
    result = procedure_json(2, "FAILED", outcome={"reason": "script_error", "detail": f"{EVIL} no"})
    for raw, output in (("False", SHOWN), ("True", EVIL)):
        oet.add(2)
        oet.started.clear()
        oet.plan_stream(
            b": hello\n\n",
            oet.started,
            printed(2, 1, EVIL),
            sse("user.script.announce", 3, msg_src="2", msg=f"{EVIL}\nsaid"),
            sse(f"own.{EVIL}", 4, msg_src="2", x=EVIL),
            sse("procedure.lifecycle.failed", 5, msg_src="SESWorker", result=result),
            odd=True,
        )
        lines = run("procedure", "start", "--pid=2", f"--raw={raw}").out.split("\n")
        assert lines[7:11] == [
            output,
            "Script message: abcde said",
            f"own.abcde msg_src='2' x={EVIL!r}",
            "Procedure 2 (file:///scripts/2.py) execution failed on subarray 1: abcde no",
        ]


def test_listening_is_shown_so(oet: FakeOET, run: Run) -> None:
    stream: Any = (b": hello\n\n", printed(2, 1, EVIL), sse(f"own.{EVIL}", 4, x=EVIL))
    for words, shown in (
        (["--format=text"], f"{SHOWN}\nown.abcde x={EVIL!r}\n"),
        (["--format=text", "--raw"], f"{EVIL}\nown.abcde x={EVIL!r}\n"),
        ([], f"event: own.abcde\ndata: args=() kwargs={{'x': {EVIL!r}}}\n\n"),
    ):
        oet.plan_stream(*stream, odd=True)
        oet.plan("GET", "/stream", Answer.problem(422, "enough"))
        result = run("listen", *words)
        assert result.out.endswith(shown)
        assert result.status == 3


def test_descriptions_and_errors_are_shown_so(oet: FakeOET, run: Run) -> None:
    trace = f"Traceback:\n  {EVIL}\nKeyError: {EVIL}\n"
    history = {"process_states": [["FAILED", 1.0]], "stacktrace": trace}
    outcome = {"reason": "script_error", "exit_code": 1, "signal": None, "by": None, "stages": []}
    oet.add(1, "FAILED", history=history, outcome={**outcome, "detail": EVIL})
    described = run("procedure", "describe").out
    assert described.endswith("Stack Trace:\nTraceback:\n  abcde\nKeyError: abcde\n")
    assert "\x1b" not in described
    oet.plan("PUT", "/procedures/1", Answer.problem(409, f"no: {EVIL}"))
    assert run("procedure", "stop", "--pid=1").err == "Error: no: abcde (subarray 1)\n"
    nobody: dict[str, Any] = {"survivors": 0, "survivor_processes": []}
    message = {"abort_message": f"Stopped, but {EVIL}", "abort_procedure": 1, **nobody}
    oet.plan("PUT", "/procedures/1", Answer(body=message))
    stopped = run("procedure", "stop", "--pid=1")
    assert stopped.out == "Stopped\n"
    assert "\nTHE SUBARRAY WAS NOT ABORTED: procedure 1 is FAILED: abcde\n" in stopped.err


def test_a_terminal_that_is_closed_is_no_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_context: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(entry.oet, "invoke", closed)
    assert entry.main(["status"]) == 129


@pytest.mark.parametrize("hidden", ["\x1b[8m", "\x1b[1;8m", "\x1b[38;5;1;8m", "\x1b[08m", "\u202e", "\u2066"])
def test_nothing_hides_or_reverses_text(hidden: str) -> None:
    assert Screen().show(f"{hidden}told") == "told"
    assert printable(f"{hidden}told") == "told"


@pytest.mark.parametrize(
    "colour", ["\x1b[38;5;8m", "\x1b[48;2;8;8;8m", "\x1b[38:2::8:8:8m", "\x1b[28m", "\x1b[1;38m"]
)
def test_colours_with_an_8_are_kept(colour: str) -> None:
    assert Screen().show(f"{colour}told") == f"{colour}told"

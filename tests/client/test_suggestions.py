"""Commands that do not exist, and other words for those that do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..support.fake_oet import FakeOET
from .conftest import Result

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("statsu", "oet status"),
        ("Status", "oet status"),
        ("proc list", "oet procedure"),
        ("procdure list", "oet procedure"),
        ("procedure lst", "oet procedure list"),
        ("procedure strat", "oet procedure start"),
        ("procedure st", "oet procedure start or oet procedure stop"),
        ("procedure kill", "oet procedure stop"),
        ("activity cancel", "oet activity stop"),
        ("environment delete", "oet environment remove"),
        ("stop", "oet procedure stop or oet activity stop"),
        ("list", "oet procedure list or oet activity list or oet script list or oet environment list"),
        ("strat", "oet procedure start"),
        ("procedure status", "oet status"),
        ("pause", "oet procedure pause"),
    ],
)
def test_an_unknown_command_is_refused_with_the_one_that_was_meant(
    oet: FakeOET, run: Run, words: str, meant: str
) -> None:
    word = next(word for word in reversed(words.split()) if word != "list" or words == "list")
    result = run(*words.split())
    assert result == Result(2, "", f"Error: No such command {word!r}; did you mean {meant}?\n")
    assert not oet.requests


def test_a_word_like_no_command_is_answered_with_where_they_are(run: Run) -> None:
    told = "Error: No such command 'xyzzy'; to see all there are: oet procedure --help\n"
    assert run("procedure", "xyzzy") == Result(2, "", told)


@pytest.mark.parametrize(
    ("alias", "command"),
    [
        ("procedure ls", "procedure list"),
        ("procedure ps", "procedure list"),
        ("ps", "procedure list"),
        ("procedure show 1", "procedure describe 1"),
        ("activity ls", "activity list"),
        ("activity show 1", "activity describe 1"),
    ],
)
def test_there_are_other_words_for_lists_and_descriptions(
    oet: FakeOET, run: Run, alias: str, command: str
) -> None:
    oet.add(1)
    oet.add_activity(1)
    assert run(*alias.split()) == run(*command.split())

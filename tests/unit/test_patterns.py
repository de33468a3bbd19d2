"""The patterns in the OpenAPI document say what the domain checks, letter by letter."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.domain.errors import Invalid
from ska_oso_oet.domain.repositories import checked_branch, checked_commit, checked_repository
from ska_oso_oet.domain.scheduling import SBD_ID, checked_sbd_id
from ska_oso_oet.domain.scripts import checked_uri
from ska_oso_oet.web.schemas.script import BRANCH, COMMIT, FILE_URI, GIT_URI, REPOSITORY

CHECKS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "file": (FILE_URI, lambda uri: checked_uri(uri, "filesystem")),
    "git": (GIT_URI, lambda uri: checked_uri(uri, "git")),
    "repository": (REPOSITORY, checked_repository),
    "branch": (BRANCH, checked_branch),
    "commit": (COMMIT, checked_commit),
    "block": (SBD_ID, checked_sbd_id),
}
PIECES = {
    "file": ["file://", "/", ".", "..", "py", ".py", "a", " ", "\0", "\n", "ä", "git://"],
    "git": ["git://", "/", ".", "..", "py", ".py", "a", ".git", " ", "\x7f", "\n", "é"],
    "repository": [*("https://", "ssh://", "git://", "file://", "/", "//", ":", "@", "..", "%2e", "%2F"),
                   *("a", "h.x", "80", "-", "?", "#", " ", "git@h:")],
    "branch": ["a", "/", ".", "..", ".lock", "@", "{", "-", "~", "^", ":", "?", "*", "[", "\\", " ", "\x7f"],
    "commit": ["a", "F", "0123", "g", " ", "x"],
    "block": ["a", ".", "/", "\\", " ", "ä", "\n", "\xa0", "\u202e", "-"],
}  # fmt: skip


def _agrees(name: str, text: str) -> None:
    pattern, check = CHECKS[name]
    try:
        check(text)
        good = True
    except Invalid:
        good = False
    # In JSON Schema `$` is the end, and not what stands before a line's end.
    assert bool(re.search(pattern.replace("$", r"\Z"), text)) == good, (name, text)


@pytest.mark.parametrize("name", CHECKS)
def test_what_the_pattern_says_is_what_is_checked(name: str) -> None:
    @given(st.lists(st.sampled_from(PIECES[name]), max_size=6).map("".join))
    def check(text: str) -> None:
        _agrees(name, text)

    check()


@pytest.mark.parametrize("name", CHECKS)
def test_all_that_is_made_of_the_pattern_is_taken(name: str) -> None:
    pattern, _ = CHECKS[name]

    @given(
        st.from_regex(re.compile(pattern.replace("$", r"\Z"), re.ASCII)).filter(lambda text: len(text) <= 200)
    )
    def check(text: str) -> None:
        _agrees(name, text)

    check()

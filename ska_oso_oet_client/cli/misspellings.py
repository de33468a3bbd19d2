"""Misspelt options, and names of other tools for options of the OET."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_FARTHEST = 2
_LONG = 6
_SHORTEST = 3


def nearest(key: str, names: Mapping[str, str]) -> str | None:
    """The name that ``key`` is probably a slip of.

    Two letters, but fewer than half of a short name: a script may well have an argument ``self``
    although there is an option ``--help``.
    """
    likely = [
        (slips, name)
        for known, name in names.items()
        if (slips := distance(key, known)) <= _FARTHEST and 2 * slips < len(known)
    ]
    return min(likely)[1] if likely else None


def in_part(key: str, names: Mapping[str, str]) -> str | None:
    """The name of several words that ``key`` is short for, or a part of, or goes on from."""
    typed = key.replace("_", "")
    for known, name in names.items():
        words = known.split("_")
        if len(words) == 1:
            continue
        parts = ["".join(words[n:]) for n in range(1, len(words))]
        parts += ["".join(words[:n]) for n in range(1, len(words) + 1)]
        is_short = len(typed) >= _SHORTEST and parts[-1].startswith(typed)
        if is_short or any(is_slip(typed, part) for part in parts) or key.startswith(f"{known}_"):
            return name
    return None


def is_slip(one: str, word: str) -> bool:
    """Whether it is ``word``, or if that is long, all but one letter of it."""
    return distance(one, word) <= (1 if len(word) >= _LONG else 0)


def alike(word: str, names: Iterable[str]) -> list[str]:
    """The names that begin with ``word``, else the one that it is probably a slip of."""
    names = list(names)
    found = [name for name in names if name.startswith(word)]
    slip = nearest(word, {name: name for name in names})
    return found or ([slip] if slip else [])


def distance(one: str, other: str) -> int:
    """Letters inserted, omitted, replaced or swapped with a neighbour between two words."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before_that, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before_that[j - 2] + 1)
            row.append(cost)
    return row[-1]


_OPTION_FOR = {
    **dict.fromkeys(("repo", "repository"), "git_repo"),
    **dict.fromkeys(("branch", "tag", "ref"), "git_branch"),
    **dict.fromkeys(("commit", "rev", "revision", "sha"), "git_commit"),
    **dict.fromkeys(
        ("env", "venv", "virtualenv", "environment", "create_environment", "fresh"), "create_env"
    ),
    **dict.fromkeys(("timeout", "time_limit", "timelimit", "max_time"), "timeout"),
    **dict.fromkeys(("id", "pid", "pids", "proc", "procedure", "process"), "pid"),
    **dict.fromkeys(("aid", "activity"), "pid"),
    **dict.fromkeys(("script_args", "init_args", "init"), "init_kwargs"),
    **dict.fromkeys(("sub", "subarray", "array"), "subarray_id"),
    **dict.fromkeys(("server", "host", "oet_url"), "server_url"),
    **dict.fromkeys(("json", "format"), "output"),
    **dict.fromkeys(("abort", "noabort"), "run_abort"),
    **dict.fromkeys(("follow", "wait", "watch"), "listen"),
    **dict.fromkeys(("nofollow", "nowait", "nolisten", "detach", "detached"), "no_listen"),
    "script": "script_uri",
    "version": "version",
    "login": "token",
    "tail": "tail",
    "prepare_only": "prepare_only",
}
_OPTION_FOR.update({option: option for option in _OPTION_FOR.values()})
_OPTION_FOR_INIT = {"restart": "restart"}
"""Beside those; the abort script's ``main`` has an argument ``restart``."""

_GIT = "git_"
_KIND = re.compile("_(url|uri|name|id|no|number|hash|sha|format)$")
"""What a matter is told by: ``branch_name``, ``commit_id``, ``output_format``."""

GIT = "git"
"""Of options about git, those that are like none there is."""

_LOADED = "that is chosen when the script is loaded: oet procedure create --{}"
_ELSEWHERE = {
    "git_repo": _LOADED.format("git_repo"),
    "git_branch": _LOADED.format("git_branch"),
    "git_commit": _LOADED.format("git_commit"),
    "create_env": _LOADED.format("create_env"),
    "timeout": "time limits are settings of the server, and oet procedure wait has --timeout",
    "pid": "a procedure that is there is started with oet procedure start --pid=ID",
    "init_kwargs": "arguments of init go to oet procedure create, or to run with --init_kwargs",
    "run_abort": "that is chosen when the script is stopped: oet procedure stop --run_abort",
    "script_uri": "that is chosen when the script is loaded: oet procedure create SCRIPT_URI",
    "version": "the version of this command is shown by oet --version",
    GIT: "of git options there are --git_repo, --git_branch and --git_commit",
    "token": "a token is given in OET_TOKEN, and a person logs in with oet login",
    "tail": "the last lines of the output are shown by oet procedure logs --tail",
    "prepare_only": "oet procedure create loads a script without starting it; "
    "--prepare-only is for oet activity run",
    "restart": "a subarray is restarted by oet abort --restart",
}


def matter_of(key: str, for_init: bool = False) -> str | None:
    """The key of the option with the meaning of ``key``; ``for_init`` if it may be init's."""
    lower = key.lower()
    key = _KIND.sub("", lower.removeprefix("no_"))
    word = key.removeprefix(_GIT)
    known_words = _OPTION_FOR | _OPTION_FOR_INIT if for_init else _OPTION_FOR
    for known, option in known_words.items():
        if is_slip(key, known) or is_slip(word, known):
            return "no_listen" if option == "listen" and lower.startswith("no_") else option
    return GIT if word != key or key == "git" else None


def advice(matter: str) -> str:
    """The alternative, for a command that has no such option."""
    return _ELSEWHERE[matter]

"""Options that name what is the OET's to decide, in words of others: they never reach a script.

``--branch=fix`` would otherwise run the default branch, with an argument that nobody meant.
"""

from __future__ import annotations

from .slips import is_slip

_OPTION_FOR = {
    **dict.fromkeys(("repo", "repository"), "git_repo"),
    **dict.fromkeys(("branch", "tag", "ref"), "git_branch"),
    **dict.fromkeys(("commit", "rev", "revision", "sha"), "git_commit"),
    **dict.fromkeys(("env", "venv", "virtualenv", "create_environment"), "create_env"),
    **dict.fromkeys(("timeout", "time_limit", "timelimit"), "timeout"),
    **dict.fromkeys(("id", "pid", "procedure", "procedure_id", "process_id"), "pid"),
    **dict.fromkeys(("aid", "activity_id"), "pid"),
    **dict.fromkeys(("script_args", "init_args"), "init_kwargs"),
}
_OPTION_FOR.update({option: option for option in _OPTION_FOR.values()})
_GIT = "git_"
GIT = "git"
"""Of options about git, those that are like none there is."""

_LOADED = "which script it is was said when it was loaded, by oet procedure create --{}"
_ELSEWHERE = {
    "git_repo": _LOADED.format("git_repo"),
    "git_branch": _LOADED.format("git_branch"),
    "git_commit": _LOADED.format("git_commit"),
    "create_env": _LOADED.format("create_env"),
    "timeout": "time limits are settings of the server, and oet procedure wait has --timeout",
    "pid": "a procedure that is there is started with oet procedure start --pid=ID",
    "init_kwargs": "arguments of init go to oet procedure create, or to run with --init_kwargs",
    GIT: "of git options there are --git_repo, --git_branch and --git_commit",
}


def matter_of(key: str) -> str | None:
    """The key of the option that settles what ``key`` names."""
    key = key.lower().removeprefix("no_")
    word = key.removeprefix(_GIT)
    for known, option in _OPTION_FOR.items():
        if is_slip(key, known) or is_slip(word, known):
            return option
    return GIT if word != key or key == "git" else None


def advice(matter: str) -> str:
    """What to do instead, on a command that has no such option."""
    return _ELSEWHERE[matter]

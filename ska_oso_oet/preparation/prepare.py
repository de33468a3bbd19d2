"""Getting a script from git, and its environment: the first phase of a run, in the run's own process.

So it is stopped, limited, captured and taken over like all that the script does later.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from ..domain.scripts import FRESH
from ..kernel.isolation import Isolation
from .errors import PreparationError, ScriptMissingError
from .repository import Repository


class Prepared(NamedTuple):
    """The result of a preparation."""

    path: str  #: the script's file
    python: str | None  #: the interpreter of its environment, if it has one of its own
    uses: list[str]  #: the entries of caches it uses
    to_make: bool = False  #: whether its environment would have to be made, which was not done


def prepare(
    spec: dict[str, Any], isolation: Isolation, resolved: Callable[[str, str | None], None]
) -> Prepared:
    """Get a script, and its environment; of one that is only looked at, no environment is made.

    :param isolation: the rights of a build, beside making the environment
    :param resolved: called with the full commit, and its branch or tag, as soon as they are known
    :raises PreparationError: if that cannot be had
    """
    git = spec["git"]
    if shutil.which("git") is None:
        raise PreparationError("git is not installed on the server; scripts from git need it there")
    repository = Repository(
        git["repository"],
        os.path.join(git["home"], "git"),
        named=git["named"],
        deadline=git["deadline"],
        credentials=git["credentials"],
        group=isolation.gid if isolation.account else None,
        say=_say,
    )
    commit, branch = repository.resolve(git["branch"], git["commit"])
    resolved(commit, branch)
    tree = repository.work_tree(commit)
    _forget_gitpython()
    path = _find(spec["path"], tree, git["repository"], commit)
    if not git["create_env"]:
        return Prepared(path, None, [tree])
    from .environment import environment_of, is_made
    from .isolated_builder import IsolatedBuilder

    home = os.path.join(git["home"], "environments")
    fresh = git["create_env"] == FRESH
    if spec.get("inspect") and (fresh or not is_made(git["repository"], commit, home)):
        return Prepared(path, None, [tree], to_make=True)
    room = os.path.join(spec["run_dir"], "tmp")
    environment, python = environment_of(
        git["repository"],
        commit,
        tree,
        home,
        fresh=fresh,
        packages=git["packages"],
        builder=IsolatedBuilder(isolation.with_paths(reads=[tree]), room, spec["mark"]),
        say=_say,
    )
    return Prepared(path, python, [tree, environment])


def _find(name: str, tree: str, url: str, commit: str) -> str:
    path = os.path.realpath(os.path.join(tree, name))
    if os.path.commonpath([path, os.path.realpath(tree)]) != os.path.realpath(tree):
        raise ScriptMissingError(f"{name} leads out of repository {url}; name a file in it")
    if not path.endswith(".py"):
        raise ScriptMissingError(f"{name} must be a Python file, ending in '.py'")
    if not os.path.isfile(path):
        raise ScriptMissingError(
            f"repository {url} has no file {name} at commit {commit[:12]}; check the path, which begins "
            "at the root of the repository, and the branch"
        )
    return path


def _forget_gitpython() -> None:
    """A script may have modules of these names."""
    for name in list(sys.modules):
        if name.split(".")[0] in ("git", "gitdb", "smmap"):
            del sys.modules[name]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")

"""Environments of scripts: a virtual environment for the project at one commit, made by uv.

Runs in the process that prepares a run. Modules for builds only are imported there, so that an environment
which is there already costs nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..files.expiry import remove
from .cache import ArtifactCache, name_of
from .errors import PreparationError
from .indexes import Indexes
from .installer import find_uv, install
from .isolated_builder import IsolatedBuilder
from .lending import lend
from .projects import Project


def cache(home: str, say: Callable[[str], None] = lambda text: None) -> ArtifactCache:
    """The environments that are kept in a folder."""
    return ArtifactCache(home, say)


def is_made(repository: str, commit: str, home: str) -> bool:
    """Whether there is an environment of a commit."""
    return cache(home).has_any(_name(repository, commit))


def _name(repository: str, commit: str) -> str:
    python = f"{sys.implementation.cache_tag} {os.path.realpath(sys.executable)}"
    return name_of(repository, commit, python)


def environment_of(
    repository: str,
    commit: str,
    tree: str,
    home: str,
    *,
    fresh: bool,
    packages: Mapping[str, Any],
    builder: IsolatedBuilder,
    say: Callable[[str], None],
) -> tuple[str, str]:
    """Return the directory of the environment of a commit, and its interpreter.

    :param tree: the files of that commit
    :param home: the folder of environments
    :param fresh: whether it is made anew even if there is one
    :param packages: the server's settings for package indexes
    :param builder: makes it
    :raises PreparationError: with the lines of the installer that tell why
    """
    what = f"the environment of commit {commit[:12]} of {repository}"

    def make(path: str) -> None:
        indexes = Indexes.of_server(packages)
        builder.make(path, lambda: _make(path, tree, what, indexes, refresh=fresh, say=say))

    path = cache(home, say).take(
        _name(repository, commit),
        make,
        fresh=fresh,
        what=what,
        repository=repository,
        commit=commit,
    )
    return path, os.path.join(path, "bin", "python")


def _make(
    path: str, tree: str, what: str, indexes: Indexes, *, refresh: bool, say: Callable[[str], None]
) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"Building {what} (Python {version}, as the server)")
    venv = ["venv", "--quiet", "--no-project", "--relocatable", "--python", sys.executable, path]
    install([find_uv(), *venv], what)
    # Building writes into the source folder, which other runs share.
    source = os.path.join(path, "source")
    try:
        shutil.copytree(tree, source, symlinks=True)
    except shutil.Error as error:  # a list of files, each with its reason
        raise PreparationError(f"{what} could not be made: {error.args[0][0][2]}") from None
    try:
        Project(source, path, indexes=indexes, what=what, refresh=refresh, say=say).install()
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # TOML of another shape
        raise PreparationError(
            f"{what} could not be made: its pyproject.toml, uv.toml or lock is not valid: {error!r}"
        ) from None
    packages = os.path.join(
        path, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages"
    )
    if not _settle_editables(packages, path):
        remove(source)
    lend(packages)


def _settle_editables(packages: str, path: str) -> bool:
    """Whether packages were installed in their source folder, which they then find at its final place."""
    locked = False
    for name in os.listdir(packages):
        if name.endswith(".pth") or name.startswith("__editable__"):
            file = os.path.join(packages, name)
            with open(file, "rb") as opened:
                text = opened.read()
            if os.fsencode(path) in text:
                locked = True
                with open(file, "wb") as opened:
                    opened.write(text.replace(os.fsencode(path), os.fsencode(path.removesuffix(".making"))))
    return locked

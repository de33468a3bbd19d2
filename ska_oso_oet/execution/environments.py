"""Environments of scripts: a virtual environment for the project at one commit, made by uv.

Runs in the process that prepares a run. What only a build needs is imported there, so that an environment
which is there already costs nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .indexes import Indexes
from .installer import find_uv, install
from .lending import lend
from .projects import Project
from .script import PreparationError
from .shelf import Shelf, name_of
from .workshop import Workshop


def shelf(home: str, say: Callable[[str], None] = lambda text: None) -> Shelf:
    """The environments that are kept in a folder."""
    return Shelf(home, say)


def environment_of(
    repository: str,
    commit: str,
    tree: str,
    home: str,
    *,
    fresh: bool,
    packages: Mapping[str, Any],
    workshop: Workshop,
    say: Callable[[str], None],
) -> tuple[str, str]:
    """Return the directory of the environment of a commit, and its interpreter.

    :param tree: the files of that commit
    :param home: the folder where environments are kept
    :param fresh: whether it is made anew even where there is one
    :param packages: the server's settings for package indexes
    :param workshop: where it is made
    :raises PreparationError: with the lines of the installer that tell why
    """
    python = f"{sys.implementation.cache_tag} {os.path.realpath(sys.executable)}"
    what = f"the environment of commit {commit[:12]} of {repository}"

    def make(path: str) -> None:
        indexes = Indexes.of_server(packages)
        workshop.make(path, lambda: _make(path, tree, what, indexes, refresh=fresh, say=say))

    path = shelf(home, say).take(
        name_of(repository, commit, python),
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
    say(f"Making {what} with Python {version}, which is the server's")
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
            f"{what} could not be made: its pyproject.toml, uv.toml or lock is not as it must be: {error!r}"
        ) from None
    packages = os.path.join(
        path, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages"
    )
    if not _settle_editables(packages, path):
        shutil.rmtree(source)
    lend(packages)


def _settle_editables(packages: str, path: str) -> bool:
    """Tell whether packages were installed where their source is; they then find it at its final place."""
    found = False
    for name in os.listdir(packages):
        if name.endswith(".pth") or name.startswith("__editable__"):
            file = os.path.join(packages, name)
            with open(file, "rb") as opened:
                text = opened.read()
            if os.fsencode(path) in text:
                found = True
                with open(file, "wb") as opened:
                    opened.write(text.replace(os.fsencode(path), os.fsencode(path.removesuffix(".making"))))
    return found

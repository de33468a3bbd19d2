"""Environments of scripts: a virtual environment for the project at one commit, made by uv.

Runs in the process that prepares a run. What only a build needs is imported there, so that an environment
which is there already costs nothing.
"""

from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ..domain.repositories import without_secrets
from .git import kill_children
from .script import PreparationError
from .shelf import Shelf, name_of

_LENT = "pytango"  #: the one distribution of the server that scripts find where they bring none themselves
_LENT_FOLDER = "lent-by-oet"
_LAST_LINES = 12


def shelf(home: str, say: Callable[[str], None] = lambda text: None) -> Shelf:
    """The environments that are kept in a folder."""
    return Shelf(home, say)


def environment_of(
    repository: str, commit: str, tree: str, home: str, say: Callable[[str], None]
) -> tuple[str, str]:
    """Return the directory of the environment of a commit, and its interpreter.

    :param tree: the files of that commit
    :param home: the folder where environments are kept
    :raises PreparationError: with the last lines of the installer
    """
    python = f"{sys.implementation.cache_tag} {os.path.realpath(sys.executable)}"
    what = f"the environment of commit {commit[:12]} of {repository}"
    path = shelf(home, say).take(
        name_of(repository, commit, python),
        lambda making: _make(making, tree, what, say),
        what=what,
        repository=repository,
        commit=commit,
    )
    return path, os.path.join(path, "bin", "python")


def _make(path: str, tree: str, what: str, say: Callable[[str], None]) -> None:
    uv = _find_uv()
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"Making {what} with Python {version}, which is the server's")
    _run([uv, "venv", "--quiet", "--no-project", "--relocatable", "--python", sys.executable, path], what)
    # Building writes into the source folder, which other runs share.
    source = os.path.join(path, "source")
    try:
        shutil.copytree(tree, source, symlinks=True)
    except shutil.Error as error:  # a list of files, each with its reason
        raise PreparationError(f"{what} could not be made: {error.args[0][0][2]}") from None
    for command in _install(uv, path, source):
        _run(command, what, at=source, environment=path)
    packages = os.path.join(
        path, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages"
    )
    if not _settle_editables(packages, path):
        shutil.rmtree(source)
    _lend(packages)


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


def _find_uv() -> str:
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    found = beside if os.access(beside, os.X_OK) else shutil.which("uv")
    if found is None:
        raise PreparationError("uv, which makes the environments of scripts, is not installed on the server")
    return found


# -- what to install ---------------------------------------------------------------------------------


def _install(uv: str, path: str, source: str) -> Iterator[list[str]]:
    """The commands that install a project: by its lock file, where it has one."""
    here = set(os.listdir(source))
    python = ["--compile-bytecode", "--python", os.path.join(path, "bin", "python")]
    pip = [uv, "pip", "install", *python]
    project = ["."] if "setup.py" in here or _is_project(source) else []
    if {"uv.lock", "pyproject.toml"} <= here:
        yield [uv, "sync", "--frozen", "--no-dev", "--no-editable", "--active", *python]
    elif {"poetry.lock", "pyproject.toml"} <= here:
        pins = os.path.join(path, "poetry-pins.txt")
        with open(pins, "w") as file:
            file.writelines(f"{pin}\n" for pin in _poetry_pins(os.path.join(source, "poetry.lock")))
        if project and _is_package(source):
            yield [*pip, "--constraint", pins, *project]
        else:
            yield [*pip, "--requirement", pins]
    elif "requirements.txt" in here:
        yield [*pip, "--requirement", "requirements.txt", *project]
    elif project:
        yield [*pip, *project]


def _poetry_pins(lock: str) -> Iterator[str]:
    """The versions a poetry.lock names, for pip; what is not needed here is left to the resolver."""
    for package in _toml(lock).get("package", ()):
        groups = package.get("groups") or [package.get("category", "main")]
        if "main" not in groups or package.get("optional"):
            continue
        markers = package.get("markers")
        if isinstance(markers, dict):
            markers = markers.get("main")
        when = f" ; {markers}" if markers else ""
        source = package.get("source", {})
        if source.get("type") == "git":
            yield f"{package['name']} @ git+{source['url']}@{source['resolved_reference']}{when}"
        elif source.get("type") == "url":
            yield f"{package['name']} @ {source['url']}{when}"
        elif source.get("type") not in ("directory", "file"):
            yield f"{package['name']}=={package['version']}{when}"


def _is_project(source: str) -> bool:
    """Whether pyproject.toml describes a project, and not the settings of tools only."""
    path = os.path.join(source, "pyproject.toml")
    found = _toml(path) if os.path.exists(path) else {}
    return bool(found.keys() & {"project", "build-system"}) or "poetry" in found.get("tool", {})


def _is_package(source: str) -> bool:
    poetry = _toml(os.path.join(source, "pyproject.toml")).get("tool", {}).get("poetry", {})
    return bool(poetry.get("package-mode", True))


def _toml(path: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise PreparationError(f"{os.path.basename(path)} of the project cannot be read: {error}") from None


# -- running the installer ---------------------------------------------------------------------------


def _run(command: list[str], what: str, at: str | None = None, environment: str | None = None) -> None:
    """Run uv; what it says is output of the run."""
    variables = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    # What the server itself runs in, and what is meant for the script, is no business of the installer.
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "UV_PROJECT", "UV_PYTHON"):
        variables.pop(name, None)
    if environment is not None:
        variables |= {"VIRTUAL_ENV": environment, "GIT_TERMINAL_PROMPT": "0"}
    last: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
    process = subprocess.Popen(
        command,
        cwd=at,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            line = without_secrets(line)
            last.append(line.rstrip())
            sys.stderr.write(line)
        process.wait()
    finally:
        if process.poll() is None:
            kill_children()
            process.wait()
        process.stdout.close()
    if process.returncode:
        told = "\n".join(line for line in last if line)
        if process.returncode < 0 or not told:
            told = f"{told}\nuv ended with status {process.returncode}".strip()
        raise PreparationError(f"{what} could not be made: {told}")


# -- PyTango -----------------------------------------------------------------------------------------


def _lend(packages: str) -> None:
    """Make the server's own PyTango importable, behind everything the project brings itself."""
    if os.path.exists(os.path.join(packages, "tango")):
        return
    folder = os.path.join(packages, _LENT_FOLDER)
    os.mkdir(folder)
    for file in _files_of(_LENT):
        link = os.path.join(folder, os.path.basename(file))
        if not os.path.lexists(link):
            os.symlink(file, link)
    with open(os.path.join(packages, f"{_LENT_FOLDER}.pth"), "w") as pth:
        pth.write(f"{_LENT_FOLDER}\n")


def _files_of(name: str, seen: set[str] | None = None) -> Iterator[str]:
    """The top-level files and folders of a distribution of this interpreter and of all it requires."""
    import importlib.metadata

    from packaging.requirements import Requirement

    seen = set() if seen is None else seen
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in seen:
        return
    seen.add(name)
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
    yield from (str(distribution.locate_file(top)) for top in sorted(tops))
    for text in distribution.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from _files_of(requirement.name, seen)

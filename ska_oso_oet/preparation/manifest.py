"""The description of a project in the files of its root folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from .errors import PreparationError


class Manifest:
    """A project's ``pyproject.toml``, if it has one, and the names of the files beside it.

    :raises PreparationError: if the file cannot be read
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.files = frozenset(os.listdir(source))
        self._pyproject = read_toml(self.path("pyproject.toml")) if "pyproject.toml" in self.files else {}
        tools = self._pyproject.get("tool", {})
        self.poetry: dict[str, Any] = tools.get("poetry", {})
        self._uv: dict[str, Any] = tools.get("uv", {})

    def path(self, name: str) -> str:
        """The path of a file of the project."""
        return os.path.join(self.source, name)

    @property
    def name(self) -> str:
        """Its name, for messages."""
        name = self._pyproject.get("project", {}).get("name") or self.poetry.get("name")
        is_one = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name)
        return str(name) if is_one else "project"

    @property
    def python(self) -> str | None:
        """Which versions of Python it is for, in the words of packaging or of poetry."""
        wanted = self._pyproject.get("project", {}).get("requires-python")
        wanted = wanted or self.poetry.get("dependencies", {}).get("python")
        return wanted if isinstance(wanted, str) else None

    @property
    def is_described(self) -> bool:
        """Whether pyproject.toml lists dependencies, beyond the settings of tools."""
        return "project" in self._pyproject

    @property
    def is_of_poetry(self) -> bool:
        """Whether it is a project of poetry."""
        return bool(self.poetry) or {"poetry.lock", "pyproject.toml"} <= self.files

    @property
    def has_uv_settings(self) -> bool:
        """Whether it has settings of its own for uv."""
        return bool(self._uv) or "uv.toml" in self.files

    @property
    def is_package(self) -> bool | None:
        """Whether the project itself is to be installed; none without a build system."""
        if self.poetry.get("package-mode") is False or self._uv.get("package") is False:
            return False
        if "build-system" in self._pyproject or "setup.py" in self.files or self._uv.get("package") is True:
            return True
        if self.has_uv_settings or not self.is_described:
            return bool(self.poetry)
        return None

    def names_default_index(self, *requirements: str) -> bool:
        """Whether the project says which package index to ask instead of the public one."""
        # If there is a uv.toml, uv ignores [tool.uv].
        settings = read_toml(self.path("uv.toml")) if "uv.toml" in self.files else self._uv
        for table in (settings, settings.get("pip", {})):
            if {"index-url", "no-index"} & table.keys():
                return True
            if any(index.get("default") for index in table.get("index", ())):
                return True
        return any(
            re.match(r"\s*(-i|--index-url|--no-index)\b", line)
            for name in requirements
            for line in _lines(self.path(name), set())
        )


def read_toml(path: str) -> dict[str, Any]:
    """Read a file.

    :raises PreparationError: if it is no TOML
    """
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PreparationError(f"{os.path.basename(path)} of the project cannot be read: {error}") from None


def _lines(path: str, seen: set[str]) -> Iterator[str]:
    """The lines of a requirements file and of those it names."""
    path = os.path.normpath(path)
    if path in seen or not os.path.isfile(path):
        return
    seen.add(path)
    with open(path, errors="replace") as file:
        for line in file:
            yield line
            if named := re.match(r"\s*(?:-r|--requirement)[\s=]*(\S+)", line):
                yield from _lines(os.path.join(os.path.dirname(path), named[1]), seen)

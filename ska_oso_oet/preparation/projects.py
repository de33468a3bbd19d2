"""Installs the dependencies of a project, by its lock file if it has one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..domain.repositories import without_secrets
from ..files.expiry import remove
from .errors import PreparationError
from .indexes import Indexes
from .installer import find_uv, install
from .manifest import Manifest

if TYPE_CHECKING:
    from .poetry import Needed

_REQUIREMENTS = "requirements.txt"


class Project:
    """One project, and the environment it is installed into.

    :param source: its files; a build may write there
    :param path: the environment
    :param what: the name of the environment for people
    :param refresh: whether nothing is taken for known that may have changed since
    """

    def __init__(
        self,
        source: str,
        path: str,
        *,
        indexes: Indexes,
        what: str,
        refresh: bool,
        say: Callable[[str], None],
    ) -> None:
        self._manifest = Manifest(source)
        self._path = path
        listed = [_REQUIREMENTS] if _REQUIREMENTS in self._manifest.files else []
        self._listed = [f"--requirement={self._manifest.path(name)}" for name in listed]
        self._indexes = indexes.without_default() if self._manifest.names_default_index(*listed) else indexes
        self._what = what
        self._say = say
        self._options = ["--compile-bytecode", "--python", os.path.join(path, "bin", "python")]
        self._options += ["--refresh"] if refresh else []

    def install(self) -> None:
        """Install the project, or its dependencies only.

        :raises PreparationError: saying why that is not possible
        """
        manifest = self._manifest
        if {"uv.lock", "pyproject.toml"} <= manifest.files:
            self._uv("sync", "--frozen", "--no-default-groups", "--no-editable", "--active")
            return
        self._require_python()
        if manifest.is_of_poetry:
            self._install_by_poetry()
        elif manifest.is_package:
            self._pip(*self._listed, ".")
        else:
            described = ["--requirement=pyproject.toml"] if manifest.is_described else []
            if self._listed or described:
                self._pip(*self._listed, *described)
            if manifest.is_package is None:
                self._try_to_install_itself()

    def _require_python(self) -> None:
        """Refuse a project for other versions of Python; uv looks at that of packages only."""
        from poetry.core.constraints.version import Version, parse_constraint

        wanted, here = self._manifest.python, ".".join(map(str, sys.version_info[:3]))
        try:
            if wanted and not parse_constraint(wanted).allows(Version.parse(here)):
                raise PreparationError(
                    f"the project needs Python {wanted}, and the server has {here}; change the project's "
                    "requires-python, or use an OET with such a Python"
                )
        except ValueError as error:
            raise PreparationError(f"pyproject.toml cannot be used: {error}") from None

    def _try_to_install_itself(self) -> None:
        try:
            self._pip("--no-deps", ".")
        except PreparationError:
            self._say("The project itself is not installed: it has no [build-system], and see above")

    # -- poetry ------------------------------------------------------------------------------------

    def _install_by_poetry(self) -> None:
        from . import poetry, poetry_lock

        own, public = poetry.pool(self._manifest)
        if "poetry.lock" in self._manifest.files:
            needed = poetry_lock.locked(self._manifest)
            # A package without a source is the public index's, even if another index has its name.
            bound = all(one.index or "@" in one.requirement for one in needed)
            pool = self._indexes.and_of_project(own, public=True)  # only for dependencies of builds
            self._pip_needed(["--no-deps"], needed, pool if bound else self._indexes)
        else:
            pool = self._indexes.and_of_project(own, public)
            needed = list(poetry.needed(self._manifest, pool.public_url))
            self._pip_needed(self._listed, needed, pool)
        if self._manifest.is_package:
            self._pip("--no-deps", ".", indexes=pool)

    def _pip_needed(self, options: Sequence[str], needed: list[Needed], indexes: Indexes) -> None:
        from . import poetry

        folder = os.path.join(self._path, "needed")
        written = poetry.write(folder, self._manifest.name, needed)
        # uv reads more settings of indexes in its working folder.
        at = self._manifest.source if self._manifest.has_uv_settings or self._listed else folder
        try:
            self._pip(*options, *written, indexes=indexes, at=at)
        except PreparationError as error:
            message = str(error)
            for one in needed:
                if one.index and re.search(rf"(?<![\w.-]){re.escape(one.name)}(?![\w.-])", message):
                    message += f"\n{one.name} is taken from {without_secrets(one.index)} only"
            raise PreparationError(message) from None
        remove(folder)

    # -- uv ----------------------------------------------------------------------------------------

    def _pip(self, *words: str, indexes: Indexes | None = None, at: str | None = None) -> None:
        self._uv("pip", "install", *words, indexes=indexes, at=at)

    def _uv(self, *words: str, indexes: Indexes | None = None, at: str | None = None) -> None:
        source = self._manifest.source
        variables = {"VIRTUAL_ENV": self._path, **(indexes or self._indexes).variables()}
        try:
            install(
                [find_uv(), *words, *self._options],
                self._what,
                at=at or source,
                variables=variables,
                credentials=(indexes or self._indexes).credentials,
            )
        except PreparationError as error:
            raise PreparationError(str(error).replace(f"file://{source}", "the project")) from None

"""Package indexes: which ones uv asks, in which order, and who it says it is."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from .errors import PreparationError

_PYPI = "https://pypi.org/simple"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Indexes:
    """The indexes of packages that are bound to none.

    uv takes a package from the first index that has its name, in any version, so that no one can put a
    higher version of a private package into a public index.
    """

    first: tuple[str, ...] = ()  #: asked in this order
    default: str = ""  #: asked last; by default that of uv's own configuration
    credentials: bytes = b""  #: the content of a netrc file

    @classmethod
    def of_server(cls, settings: Mapping[str, Any]) -> Indexes:
        """The indexes of the server's settings.

        :raises PreparationError: if the file with the credentials cannot be read
        """
        content, file = b"", settings["credentials"]
        try:
            if file:
                with open(file, "rb") as opened:
                    content = opened.read()
        except OSError:
            raise PreparationError(
                f"{file}, which OET_PIP_CREDENTIALS names, cannot be read by the server"
            ) from None
        return cls(first=tuple(settings["first"]), default=settings["default"], credentials=content)

    @property
    def public_url(self) -> str:
        """The default one."""
        return self.default or os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or _PYPI

    def without_default(self) -> Indexes:
        """Leave the last index to the project."""
        return dataclasses.replace(self, default="")

    def and_of_project(self, indexes: tuple[str, ...], public: bool) -> Indexes:
        """Ask a project's own indexes as well; and the default one only if it is ``public``, too."""
        if public or not indexes:
            return dataclasses.replace(self, first=self.first + indexes)
        return dataclasses.replace(self, first=self.first + indexes[:-1], default=indexes[-1])

    def variables(self) -> dict[str, str]:
        """Environment variables for uv only."""
        indexes = {}
        if self.first:
            indexes["UV_INDEX"] = " ".join([*os.environ.get("UV_INDEX", "").split(), *self.first])
        if self.default:
            indexes["UV_DEFAULT_INDEX"] = self.default
        return indexes

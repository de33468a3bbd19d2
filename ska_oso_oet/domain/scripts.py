"""The scripts a procedure can run, and the arguments given to their functions."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from .errors import Invalid

FILE_PREFIX = "file://"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileScript:
    """A script in the file system of the server."""

    script_uri: str

    @property
    def path(self) -> str:
        """The path named by the URI; relative ones are resolved by who knows where."""
        return self.script_uri[len(FILE_PREFIX) :]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"script_type": "filesystem", "script_uri": self.script_uri}


def script_from_dict(data: Any) -> FileScript:
    """Read a script's JSON form.

    :raises Invalid: naming the field that is wrong and what would be right
    """
    if not isinstance(data, dict):
        raise Invalid("script must be an object with script_type and script_uri")
    if data.get("script_type") != "filesystem":
        raise Invalid(f"unknown script_type {data.get('script_type')!r}; use 'filesystem'")
    uri = data.get("script_uri")
    if not isinstance(uri, str) or not uri.startswith(FILE_PREFIX) or uri == FILE_PREFIX:
        raise Invalid(f"script_uri {uri!r} of a filesystem script must start with 'file://'")
    if "\0" in uri or not _encodable(uri):
        raise Invalid("script_uri must be text that can name a file")
    if os.path.splitext(uri)[1] != ".py":
        raise Invalid(f"script_uri {uri!r} must name a Python file, ending in '.py'")
    return FileScript(script_uri=uri)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments:
    """Positional and keyword arguments of one function of a script."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"args": list(self.args), "kwargs": dict(self.kwargs)}

    @classmethod
    def from_dict(cls, data: Any) -> Arguments:
        """Read the JSON form; everything may be absent.

        :raises Invalid: where it is not ``{"args": [...], "kwargs": {...}}``
        """
        if data is None:
            return cls()
        if not isinstance(data, dict):
            raise Invalid("arguments must be an object with args and kwargs")
        args, kwargs = data.get("args"), data.get("kwargs")
        if args is not None and not isinstance(args, (list, tuple)):
            raise Invalid("args must be a list")
        if kwargs is not None and not isinstance(kwargs, dict):
            raise Invalid("kwargs must be an object")
        return cls(args=tuple(args or ()), kwargs=dict(kwargs or {}))

"""The scripts a procedure can run, and the arguments given to their functions."""

from __future__ import annotations

import dataclasses
import functools
import os
from typing import Any, Literal, Union

from .errors import Invalid
from .masking import Masked, masked
from .repositories import checked_branch, checked_commit, checked_repository
from .texts import encodable, unprintable

FILE_PREFIX = "file://"
GIT_PREFIX = "git://"
LONGEST_URI = 4096  #: characters
FRESH: Literal["fresh"] = "fresh"

CreateEnv = Union[bool, Literal["fresh"]]
"""Whether a script runs in an environment with its project's dependencies, and whether that is made anew."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileScript:
    """A script in the file system of the server."""

    script_uri: str

    @property
    def path(self) -> str:
        """The path named by the URI; the caller resolves relative ones."""
        return self.script_uri[len(FILE_PREFIX) :]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"script_type": "filesystem", "script_uri": self.script_uri}

    def resolved(self, commit: str, branch: str | None) -> FileScript:
        """The same: only scripts from git have a commit."""
        return self


@dataclasses.dataclass(frozen=True, kw_only=True)
class GitScript:
    """A script in a git repository."""

    script_uri: str
    git_repo: str | None = None  #: none means the server's default
    git_branch: str | None = None  #: a branch or a tag; none means the repository's default branch
    git_commit: str | None = None  #: a commit, or the first digits of one; it goes before the branch
    create_env: CreateEnv = False
    resolved_commit: str | None = None  #: the full commit that runs, once it is known
    resolved_branch: str | None = None  #: the branch or tag it was taken from, if no commit was given

    @property
    def path(self) -> str:
        """The path of the file from the root of the repository."""
        return "/".join(_parts(self.script_uri[len(GIT_PREFIX) :]))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "script_type": "git",
            "script_uri": self.script_uri,
            "create_env": self.create_env,
            "git_args": {
                "git_repo": self.git_repo,
                "git_branch": self.git_branch,
                "git_commit": self.git_commit,
                "resolved_commit": self.resolved_commit,
                "resolved_branch": self.resolved_branch,
            },
        }

    def resolved(self, commit: str, branch: str | None) -> GitScript:
        """The same once it is known which commit runs."""
        return dataclasses.replace(self, resolved_commit=commit, resolved_branch=branch)


Script = Union[FileScript, GitScript]


def script_from_dict(data: Any) -> Script:
    """Read a script's JSON form.

    :raises Invalid: naming the wrong field and the correct form
    """
    if not isinstance(data, dict):
        raise Invalid("script must be an object with script_type and script_uri")
    kind = data.get("script_type")
    uri = checked_uri(data.get("script_uri"), kind)
    given, create_env = data.get("git_args"), data.get("create_env")
    if kind == "filesystem":
        if given or create_env:
            raise Invalid("git_args and create_env are for scripts of type 'git' only")
        return FileScript(script_uri=uri)
    if not isinstance(given or {}, dict):
        raise Invalid("git_args must be an object with git_repo, git_branch and git_commit")
    given = given or {}
    return GitScript(
        script_uri=uri,
        git_repo=checked_repository(given.get("git_repo")),
        git_branch=checked_branch(given.get("git_branch")),
        git_commit=checked_commit(given.get("git_commit")),
        create_env=checked_create_env(create_env),
        resolved_commit=given.get("resolved_commit"),
        resolved_branch=given.get("resolved_branch"),
    )


def script_read_back(data: dict[str, Any]) -> Script:
    """Read the JSON form of a script that was checked when it was asked for.

    It is not checked again: secrets in its URI, repository or branch are masked since.
    """
    if data["script_type"] == "filesystem":
        return FileScript(script_uri=data["script_uri"])
    names = {field.name for field in dataclasses.fields(GitScript)}
    fields = {**data, **(data.get("git_args") or {})}
    return GitScript(**{name: value for name, value in fields.items() if name in names})


def checked_create_env(given: Any) -> CreateEnv:
    """Check whether an environment is wanted; left out means that none is.

    :raises Invalid: naming the possible values
    """
    if given is None or given is False or given is True:
        return bool(given)
    if given == FRESH:
        return FRESH
    raise Invalid('create_env must be true, false or "fresh"')


def checked_uri(uri: Any, kind: Any) -> str:
    """Check the URI of a script of this type.

    :raises Invalid: with the correct form
    """
    if kind not in ("filesystem", "git"):
        raise Invalid(f"unknown script_type {kind!r}; use 'filesystem' or 'git'")
    prefix = GIT_PREFIX if kind == "git" else FILE_PREFIX
    if isinstance(uri, str) and len(uri) > LONGEST_URI:
        raise Invalid(f"script_uri has more than {LONGEST_URI} characters")
    if not isinstance(uri, str) or not uri.startswith(prefix) or uri == prefix:
        raise Invalid(f"script_uri {uri!r} of a {kind} script must start with '{prefix}'")
    if "\0" in uri or not encodable(uri):
        raise Invalid("script_uri must be text that can name a file")
    if os.path.splitext(uri)[1] != ".py":
        raise Invalid(f"script_uri {uri!r} must name a Python file, ending in '.py'")
    path = uri[len(prefix) :]
    if kind == "git" and (unprintable(path) or {"..", ".git"} & set(_parts(path))):
        raise Invalid(
            f"script_uri {uri!r} must be a path from the root of the repository, such as "
            "'git://scripts/observe.py'"
        )
    return uri


def _parts(path: str) -> list[str]:
    """The elements of a path; slashes too many, before or between them, mean nothing."""
    return [part for part in path.split("/") if part not in ("", ".")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments:
    """Positional and keyword arguments of one function of a script."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"args": list(self.args), "kwargs": dict(self.kwargs)}

    @functools.cached_property
    def shown(self) -> Masked:
        """The JSON form without secrets; made once, because lists show it again and again."""
        return Masked(masked(self.to_dict()))

    @classmethod
    def from_dict(cls, data: Any) -> Arguments:
        """Read the JSON form; everything may be absent.

        :raises Invalid: if it is not ``{"args": [...], "kwargs": {...}}``
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

    def overridden_by(self, given: Arguments) -> Arguments:
        """These arguments with others over them: keywords one by one, positional ones all or none."""
        return Arguments(args=given.args or self.args, kwargs={**self.kwargs, **given.kwargs})

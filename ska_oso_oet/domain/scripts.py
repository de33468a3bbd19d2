"""The scripts a procedure can run, and the arguments given to their functions."""

from __future__ import annotations

import dataclasses
import os
import re
import urllib.parse
from typing import Any, Union

from .errors import Invalid

FILE_PREFIX = "file://"
GIT_PREFIX = "git://"
DEFAULT_BRANCH = "master"  #: where a repository has none of this name, its default branch is meant


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class GitScript:
    """A script in a git repository."""

    script_uri: str
    git_repo: str | None = None  #: none means the server's default
    git_branch: str = DEFAULT_BRANCH  #: a branch or a tag
    git_commit: str | None = None  #: a commit, or the first digits of one; it goes before the branch
    create_env: bool = False  #: whether it runs in an environment with its project's dependencies
    resolved_commit: str | None = None  #: the full commit that runs, once it is known

    @property
    def path(self) -> str:
        """The path of the file from the root of the repository."""
        return self.script_uri[len(GIT_PREFIX) :]

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
            },
        }


Script = Union[FileScript, GitScript]


def script_from_dict(data: Any) -> Script:
    """Read a script's JSON form.

    :raises Invalid: naming the field that is wrong and what would be right
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
    if create_env not in (None, True, False):
        raise Invalid("create_env must be true or false")
    given = given or {}
    return GitScript(
        script_uri=uri,
        git_repo=checked_repository(given.get("git_repo")),
        git_branch=checked_branch(given.get("git_branch")) or DEFAULT_BRANCH,
        git_commit=checked_commit(given.get("git_commit")),
        create_env=bool(create_env),
        resolved_commit=given.get("resolved_commit"),
    )


def checked_uri(uri: Any, kind: Any) -> str:
    """Check the URI of a script of this type.

    :raises Invalid: saying what would be right
    """
    if kind not in ("filesystem", "git"):
        raise Invalid(f"unknown script_type {kind!r}; use 'filesystem' or 'git'")
    prefix = GIT_PREFIX if kind == "git" else FILE_PREFIX
    if not isinstance(uri, str) or not uri.startswith(prefix) or uri == prefix:
        raise Invalid(f"script_uri {uri!r} of a {kind} script must start with '{prefix}'")
    if "\0" in uri or not _encodable(uri):
        raise Invalid("script_uri must be text that can name a file")
    if os.path.splitext(uri)[1] != ".py":
        raise Invalid(f"script_uri {uri!r} must name a Python file, ending in '.py'")
    path = uri[len(prefix) :]
    if kind == "git" and (
        any(part in ("", ".", "..", ".git") for part in path.split("/")) or _unprintable(path)
    ):
        raise Invalid(
            f"script_uri {uri!r} must be a path from the root of the repository, such as "
            "'git://scripts/observe.py'"
        )
    return uri


_URL = re.compile(r"(https?|ssh|git)://(?P<user>[^-/@][^/@]*@)?[^-/@:][^/@:]*(:\d+)?/.+|file:///.+")
_SCP = re.compile(r"\w[\w.-]*@\w[\w.-]*:[^:-].*")


def checked_repository(url: Any) -> str | None:
    """Check the URL of a repository.

    :raises Invalid: saying what would be right
    """
    if url is None or url == "":
        return None
    if not isinstance(url, str) or len(url) > 2000 or _unprintable(url) or " " in url:
        raise Invalid("git_repo must be the URL of a repository")
    found = _URL.fullmatch(url)
    if found is None and _SCP.fullmatch(url) is None:
        raise Invalid(
            f"git_repo {without_secrets(url)!r} must be the URL of a repository: https://, http://, ssh://, "
            "git://, file:///absolute/path or user@host:path"
        )
    user = (found["user"] or "") if found else ""
    if ":" in user or (user and url.startswith("http")):
        raise Invalid("git_repo must not hold a user or password; the server has its own credentials")
    if ".." in urllib.parse.unquote(url).split("/"):
        raise Invalid(f"git_repo {url!r} must not contain '..'")
    return url


def checked_branch(name: Any) -> str | None:
    """Check the name of a branch or tag.

    :raises Invalid: where it cannot be one
    """
    if name is None or name == "":
        return None
    forbidden = ("..", "@{", "//", "/.", ".lock/")
    if (
        not isinstance(name, str)
        or len(name) > 250
        or _unprintable(name)
        or any(c in " ~^:?*[\\" for c in name)
        or any(part in name for part in forbidden)
        or name.startswith(("-", "/", "."))
        or name.endswith(("/", ".", ".lock"))
        or name == "@"
    ):
        raise Invalid(f"git_branch {name!r} cannot be the name of a branch or tag")
    return name


def checked_commit(digits: Any) -> str | None:
    """Check a commit, or the first digits of one.

    :raises Invalid: saying what would be right
    """
    if digits is None or digits == "":
        return None
    if not isinstance(digits, str) or re.fullmatch(r"[0-9a-fA-F]{4,64}", digits) is None:
        raise Invalid(
            f"git_commit {digits!r} must be 4 to 40 hexadecimal digits; a branch or tag goes into git_branch"
        )
    return digits.lower()


def without_secrets(text: str) -> str:
    """Hide the user and password of every URL in a text."""
    return re.sub(r"://[^/@\s]*@", "://***@", text)


def _unprintable(text: str) -> bool:
    return not _encodable(text) or any(ord(c) < 32 or ord(c) == 127 for c in text)


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

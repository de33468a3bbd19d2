"""Names of git repositories, branches, tags and commits that git cannot mistake for anything else."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any

from .errors import Invalid
from .texts import unprintable

_URL = re.compile(r"(https?|ssh|git)://(?P<user>[^-/@][^/@]*@)?[^-/@:][^/@:]*(:\d+)?/.+|file:///.+")
_SCP = re.compile(r"\w[\w.-]*@\w[\w.-]*:[^:-].*")


def checked_repository(url: Any) -> str | None:
    """Check the URL of a repository.

    :raises Invalid: with the correct form
    """
    if url is None or url == "":
        return None
    if not isinstance(url, str) or len(url) > 2000 or unprintable(url) or " " in url:
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
    if "?" in url or "#" in url:
        raise Invalid("git_repo must not have a query or a fragment")
    if ".." in urllib.parse.unquote(url).split("/"):
        raise Invalid(f"git_repo {url!r} must not contain '..'")
    return url


def checked_branch(name: Any) -> str | None:
    """Check the name of a branch or tag.

    :raises Invalid: if it cannot be one
    """
    if name is None or name == "":
        return None
    forbidden = ("..", "@{", "//", "/.", ".lock/")
    if (
        not isinstance(name, str)
        or len(name) > 250
        or unprintable(name)
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

    :raises Invalid: with the correct form
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

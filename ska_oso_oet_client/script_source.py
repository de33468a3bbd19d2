"""The part of a create request that names the script, checked before it is sent."""

from __future__ import annotations

from typing import Any, Literal, Union

from .errors import InvalidRequestError

FILE_PREFIX = "file://"
GIT_PREFIX = "git://"
FRESH: Literal["fresh"] = "fresh"

CreateEnv = Union[bool, Literal["fresh"]]
"""Whether a script gets an environment of its own, and whether that is made anew."""


def script_document(
    script_uri: str,
    *,
    git_repo: str | None = None,
    git_branch: str | None = None,
    git_commit: str | None = None,
    create_env: CreateEnv = False,
) -> dict[str, Any]:
    """The ``script`` of a create request. Raises InvalidRequestError for a contradiction."""
    git_args = {
        name: value
        for name, value in (
            ("git_repo", git_repo),
            ("git_branch", git_branch),
            ("git_commit", git_commit),
        )
        if value is not None
    }
    if script_uri.startswith(GIT_PREFIX):
        document: dict[str, Any] = {
            "script_type": "git",
            "script_uri": script_uri,
            "create_env": create_env,
        }
        # The server fills in missing fields from its own settings.
        return {**document, "git_args": git_args} if git_args else document
    if not script_uri.startswith(FILE_PREFIX):
        raise InvalidRequestError(
            f"The script must start with {FILE_PREFIX} or {GIT_PREFIX}, not {script_uri!r}"
        )
    refused = [*git_args, *(["create_env"] if create_env else [])]
    if refused:
        names = ", ".join(f"--{name}" for name in refused)
        are = "are" if len(refused) > 1 else "is"
        raise InvalidRequestError(
            f"{names} {are} for {GIT_PREFIX} scripts only, and the script is {script_uri}"
        )
    return {"script_type": "filesystem", "script_uri": script_uri}

"""Settings of repositories, package indexes and their caches."""

from __future__ import annotations

import dataclasses

from . import parse
from .declaration import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class EnvironmentsSettings:
    """Settings of repositories, package indexes and their caches."""

    git_repo: str = setting(
        "OET_GIT_REPO",
        "https://gitlab.com/ska-telescope/oso/ska-oso-scripting.git",
        "repository of `git://` scripts without one of their own",
    )
    git_allowed: tuple[str, ...] = setting(
        "OET_GIT_ALLOWED",
        "all",
        "URL prefixes (comma list) that scripts may be fetched from; addresses of loopback, link-local and "
        "cloud metadata only if an entry names the host",
        parse.words,
    )
    git_timeout: float = setting(
        "OET_GIT_TIMEOUT", "120 s", "time limit for one connection to a repository", parse.seconds
    )
    git_credentials: str = setting(
        "OET_GIT_CREDENTIALS",
        "",
        "file with credentials for repositories, in the format of git's credential store",
        parse.path,
    )
    pip_index_url: str = setting(
        "OET_PIP_INDEX_URL",
        "",
        "package index instead of https://pypi.org/simple, for projects that do not name one",
        parse.index,
    )
    pip_extra_index_urls: tuple[str, ...] = setting(
        "OET_PIP_EXTRA_INDEX_URL",
        "",
        "further package indexes (list separated by spaces), searched before that one; a package comes from "
        "the first index that has its name",
        parse.indexes,
    )
    pip_credentials: str = setting(
        "OET_PIP_CREDENTIALS",
        "",
        "file with users and passwords for package indexes, in the format of netrc",
        parse.path,
    )
    cache_days: int = setting(
        "OET_ENVIRONMENT_DAYS",
        "30",
        "days after which unused environments, work trees and mirrors are removed",
        parse.whole(0, 36500),
    )
    cache_size: int = setting(
        "OET_ENVIRONMENT_SPACE",
        "20 GiB",
        "space for environments, work trees and mirrors; if exceeded, the least recently used are removed",
        parse.size,
    )

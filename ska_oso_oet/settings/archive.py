"""Settings of the archive of scheduling blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from . import parse
from .declaration import setting
from .urls import is_confidential


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArchiveSettings:
    """Settings of the archive of scheduling blocks."""

    oda_url: str = setting(
        "OET_ODA_URL",
        "",
        "archive of scheduling blocks: `file:///path` of a folder, oso-services "
        "`https://host/ns/oso/api/v<major>`, the ODA's database `postgresql://host/database` (`PGHOST` and "
        "its like apply), or the ODA's former REST interface `https://host/ns/oda/api/v<major>`; by default "
        "the folder `oda` in the state directory",
        parse.archive,
    )
    oda_timeout: float = setting(
        "OET_ODA_TIMEOUT", "10 s", "time limit for one request to the archive", parse.seconds
    )
    oda_statuses: tuple[str, ...] = setting(
        "OET_ODA_STATUSES",
        "Ready",
        "statuses (comma list) of scheduling blocks that may be observed, in oso-services and in PostgreSQL; "
        "`any` does not check",
        parse.words,
    )
    oda_token_file: str = setting(
        "OET_ODA_TOKEN_FILE",
        "",
        "file with a bearer token for an archive behind http, read at each request",
        parse.path,
    )
    oda_client_id: str = setting(
        "OET_ODA_CLIENT_ID", "", "client id for a token by client credentials, instead of a file with one"
    )
    oda_client_secret_file: str = setting(
        "OET_ODA_CLIENT_SECRET_FILE", "", "file with the secret of that client", parse.path
    )
    oda_token_url: str = setting("OET_ODA_TOKEN_URL", "", "token endpoint for that client", parse.token_url)
    oda_scope: str = setting("OET_ODA_SCOPE", "", "scopes (separated by spaces) that client asks for")
    oda_ca_file: str = setting(
        "OET_ODA_CA_FILE",
        "",
        "file with CA certificates for the archive and the token endpoint; by default those of the system",
        parse.path,
    )


def objection(values: Mapping[str, Any]) -> str | None:
    """The reason why settings of the archive cannot be used together; None if they can."""
    url, file, client = (values[name] for name in ("oda_url", "oda_token_file", "oda_client_id"))
    needed = {
        "OET_ODA_CLIENT_ID": client,
        "OET_ODA_CLIENT_SECRET_FILE": values["oda_client_secret_file"],
        "OET_ODA_TOKEN_URL": values["oda_token_url"],
    }
    missing = [name for name, value in needed.items() if not value]
    if file and len(missing) < len(needed):
        return "OET_ODA_TOKEN_FILE and OET_ODA_CLIENT_ID are two ways to a token; set only one of them"
    if 0 < len(missing) < len(needed):
        return f"{' and '.join(missing)} must be set, too, for a token by client credentials"
    if not file and not client:
        return None
    if not url.startswith(("http://", "https://")):
        return "a token is for an archive behind https; unset OET_ODA_TOKEN_FILE and OET_ODA_CLIENT_ID"
    if "@" in url.partition("://")[2].partition("/")[0]:
        return "OET_ODA_URL holds a password, and a token is set as well; leave out one of them"
    if not is_confidential(url):
        return "a token would be sent unencrypted to OET_ODA_URL; give that as https://"
    return None

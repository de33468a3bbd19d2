"""From the settings to an archive."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ...settings import Settings
from ...settings.urls import DATABASE_PREFIX, FOLDER_PREFIX, checked_archive_url, folder_of, is_oso_services
from . import Archive
from .folder import FolderArchive

if TYPE_CHECKING:
    from .login import Login

_ANY = "any"  #: the status that permits every other


@dataclasses.dataclass(frozen=True, kw_only=True)
class Access:
    """How an archive is reached.

    :param here: the folder of what the archive has no place for
    :param statuses: those of a block that may be observed, or ``any``
    """

    here: str
    statuses: tuple[str, ...] = (_ANY,)
    token_file: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    token_url: str = ""
    scope: str = ""
    ca_file: str = ""

    @property
    def required(self) -> tuple[str, ...]:
        """The statuses that are checked for; none if any is permitted."""
        return () if _ANY in self.statuses else self.statuses


def access(settings: Settings) -> Access:
    """The settings of the archive."""
    return Access(
        here=settings.kept_here,
        statuses=settings.oda_statuses,
        token_file=settings.oda_token_file,
        client_id=settings.oda_client_id,
        client_secret_file=settings.oda_client_secret_file,
        token_url=settings.oda_token_url,
        scope=settings.oda_scope,
        ca_file=settings.oda_ca_file,
    )


def open_archive(url: str, timeout: float, how: Access) -> Archive:
    """Return the archive at a URL; nothing is read or written yet.

    :param timeout: seconds that one call may take, if the archive is a server
    :raises ValueError: with the correct form
    """
    url = checked_archive_url(url)
    if url.startswith(FOLDER_PREFIX):
        return FolderArchive(folder_of(url))
    from .kept_here import KeptHere

    here = KeptHere(how.here)
    if url.startswith(DATABASE_PREFIX):
        from .postgresql import PostgresqlArchive

        return PostgresqlArchive(url, timeout, here, how.required)
    from .oso_services import OsoServicesArchive  # requests takes 8 MiB that a folder does not need
    from .rest import RestArchive
    from .server import Server

    server = Server(url, timeout, _login(how), how.ca_file)
    if is_oso_services(url):
        return OsoServicesArchive(server, here, how.required)
    return RestArchive(server, here)


def _login(how: Access) -> Login | None:
    from .login import ClientCredentials, TokenFile

    if how.token_file:
        return TokenFile(how.token_file)
    if how.client_id:
        return ClientCredentials(how.client_id, how.client_secret_file, how.token_url, how.scope, how.ca_file)
    return None

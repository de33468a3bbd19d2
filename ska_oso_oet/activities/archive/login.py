"""Bearer tokens for an archive: from a file, or by client credentials."""

from __future__ import annotations

import math
import re
import threading
import time
from typing import Any, Protocol

import requests

from ...domain.errors import ArchiveAway
from ...outgoing.bounded_session import BoundedSession
from ...settings.urls import shown
from .entities import read_document

_LARGEST = 64 * 2**10  #: bytes of a token, a secret or an answer with a token
_EARLY = 30.0  #: seconds before its end that a token is not used any more
_SHORTEST = 5.0  #: seconds that a token is used at least, however short its life is said to be
_LIFETIME = 300.0  #: seconds, if the answer does not tell
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


class Login(Protocol):
    """A way to a token. For several threads at once."""

    remedy: str  #: what to do if the archive does not accept the token

    def token(self, seconds: float) -> str:
        """A token, within so many seconds.

        :raises ArchiveAway: if there is none
        """
        ...

    def renewed(self, refused: str, seconds: float) -> str | None:
        """Another token than the one that was refused; None if there is no other.

        :raises ArchiveAway: if there is none
        """
        ...


class TokenFile:
    """A token in a file that somebody else renews; it is read each time."""

    remedy = "renew the token in the file of OET_ODA_TOKEN_FILE, and check its roles and scopes"

    def __init__(self, path: str) -> None:
        self._path = path

    def token(self, seconds: float) -> str:
        """See the protocol."""
        token = _read(self._path, "OET_ODA_TOKEN_FILE")
        if _TOKEN.fullmatch(token) is None:
            raise ArchiveAway(
                f"the file {self._path} of OET_ODA_TOKEN_FILE holds no token; write one into it"
            )
        return token

    def renewed(self, refused: str, seconds: float) -> str | None:
        """See the protocol."""
        token = self.token(seconds)
        return None if token == refused else token


class ClientCredentials:
    """Tokens of a client with a secret, each used until shortly before its end."""

    remedy = "check the roles and scopes of the client OET_ODA_CLIENT_ID"

    def __init__(self, client_id: str, secret_file: str, url: str, scope: str, ca_file: str) -> None:
        self._form = {"grant_type": "client_credentials", "client_id": client_id}
        if scope:
            self._form["scope"] = scope
        self._secret_file = secret_file
        self._url = url
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._token = ""
        self._until = -math.inf

    def token(self, seconds: float) -> str:
        """See the protocol."""
        # Whoever waits for another one's request waits for its deadline, which is that of any.
        with self._lock:
            if time.monotonic() >= self._until:
                self._ask(seconds)
            return self._token

    def renewed(self, refused: str, seconds: float) -> str | None:
        """See the protocol."""
        with self._lock:
            if self._token == refused:
                self._ask(seconds)
            return self._token

    def _ask(self, seconds: float) -> None:
        self._until = -math.inf
        form = {**self._form, "client_secret": _read(self._secret_file, "OET_ODA_CLIENT_SECRET_FILE")}
        what = f"the token endpoint {shown(self._url)}"
        try:
            with BoundedSession(seconds, _LARGEST) as session:
                session.trust_env = False
                session.verify = self._ca_file or True
                answer = session.post(self._url, data=form, headers={"Accept": "application/json"})
        except (requests.RequestException, OSError) as error:
            # Messages of the library may contain what was sent.
            raise ArchiveAway(
                f"{what} cannot be reached: {type(error).__name__}; check OET_ODA_TOKEN_URL and "
                "OET_ODA_CA_FILE"
            ) from None
        try:
            document = read_document(answer.content)
        except ValueError:
            document = {}
        token = document.get("access_token")
        if answer.status_code != 200 or not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise ArchiveAway(
                f"{what} gives no token (HTTP {answer.status_code}{_reason(document)}); check "
                "OET_ODA_CLIENT_ID and OET_ODA_CLIENT_SECRET_FILE"
            )
        self._token = token
        self._until = time.monotonic() + max(_SHORTEST, _lifetime(document) - _EARLY)


def _lifetime(document: dict[str, Any]) -> float:
    try:
        lifetime = float(document.get("expires_in", _LIFETIME))
    except (TypeError, ValueError, OverflowError):
        return _LIFETIME
    return lifetime if math.isfinite(lifetime) else _LIFETIME


def _reason(document: dict[str, Any]) -> str:
    """The kind of the refusal, such as ``invalid_client``; nothing else, which may repeat what was sent."""
    error = document.get("error")
    return f", {error}" if isinstance(error, str) and re.fullmatch("[a-z_]{1,40}", error) else ""


def _read(path: str, setting: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read(_LARGEST).strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no plain text"
        raise ArchiveAway(f"the file {path} of {setting} cannot be read: {why}; check it") from None

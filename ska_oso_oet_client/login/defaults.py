"""As whom requests are sent: which of the ways to say so goes before which."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..address import home_of
from ..credentials import Credentials
from ..errors import InvalidRequestError
from ..model import Authentication
from .programs import ClientCredentials, FixedToken
from .store import Store
from .stored_login import StoredLogin

TOKEN_VARIABLE = "OET_TOKEN"
CLIENT_VARIABLE = "OET_CLIENT_ID"
SECRET_VARIABLE = "OET_CLIENT_SECRET"


def choose(
    url: str,
    environment: Mapping[str, str],
    token: str | None,
    describe: Callable[[], Authentication],
) -> Credentials:
    """The caller's token, that in OET_TOKEN, a client's secret, or the login of ``oet login``."""
    server = home_of(url)
    if token is not None:
        return FixedToken(token, "the argument token", server)
    given = {
        name: environment.get(name, "").strip()
        for name in (TOKEN_VARIABLE, CLIENT_VARIABLE, SECRET_VARIABLE)
    }
    if given[TOKEN_VARIABLE]:
        return FixedToken(given[TOKEN_VARIABLE], TOKEN_VARIABLE, server)
    client_id, secret = given[CLIENT_VARIABLE], given[SECRET_VARIABLE]
    if bool(client_id) != bool(secret):
        raise InvalidRequestError(f"Set both {CLIENT_VARIABLE} and {SECRET_VARIABLE}, or neither")
    if client_id:
        return ClientCredentials(client_id, secret, server, describe)
    return StoredLogin(Store(server, environment))


def overriding_variable(environment: Mapping[str, str]) -> str | None:
    """The variable that goes before the login of ``oet login``, if one is set."""
    names = (TOKEN_VARIABLE, CLIENT_VARIABLE)
    return next((name for name in names if environment.get(name, "").strip()), None)

"""Authentication and authorisation of every request, before its view."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Response, g, request

from ...domain.errors import Unavailable
from ...settings import Settings
from ...settings.server import MOST_SUBARRAYS
from ...settings.urls import is_this_machine, named_in
from ...telemetry.logs import tagged
from ..middleware.errors import from_refusal, problem
from ..middleware.proxies import RECEIVED_HOST
from .foreign_pages import foreign
from .identity import BadToken, User, take
from .permissions import Grants, Permission, commands, declared
from .verified_tokens import VERIFIED

if TYPE_CHECKING:
    from .keys import Keys
    from .tokens import Tokens

LOG = logging.getLogger(__name__)

#: The key of a token's expiry in the environment, for the middleware that serves event streams.
EXPIRES = "oet.expires"


class Guard:
    """Admits requests to the views of one application.

    :raises Undeclared: for a route that does not declare its permission
    """

    def __init__(self, app: Any, settings: Settings) -> None:
        self.permissions = declared(app)
        self.keys: dict[str, Keys] = {}
        self._tokens: Tokens | None = None
        if settings.auth_issuers:
            # They import cryptography, which takes a tenth of a second of a start.
            from .keys import keys_of
            from .tokens import Tokens

            self.keys = keys_of(settings.auth_issuers)
            self._tokens = Tokens(self.keys, settings.auth_audiences)
        VERIFIED.verify = functools.partial(self._tokens.claims, wait=False) if self._tokens else None
        self._grants = Grants.of(settings)
        self._claim = settings.auth_subarray_claim
        self._subarray = settings.subarray_id
        self._off = settings.auth == "off"
        self._names = {settings.host.lower(), *settings.host_names}
        for keys in self.keys.values():
            keys.refresh()

    def admit(self) -> Response | None:
        """Answer a request that is not admitted; None lets it pass."""
        # Unknown paths are answered 404 or 405, to users with a permission.
        needed = self.permissions[request.endpoint] if request.endpoint else Permission.READ
        if needed is Permission.OPEN:
            return None
        # A read costs as much where nobody needs a token for it: pages could keep this server busy.
        guarded = self._tokens is None or needed is Permission.EXECUTE
        if guarded and (why := foreign(request)) is not None:
            g.refused = why
            return problem(403, why)
        if self._tokens is None:
            return self._admit_nobody()
        token = _token(request.headers.get("Authorization"))
        if token is None:
            return _refuse(401, "send a bearer token in the Authorization header", "")
        try:
            claims = self._tokens.claims(token)
        except BadToken as error:
            return _refuse(401, str(error), f', error="invalid_token", error_description="{error}"')
        except Unavailable as error:
            g.refused = error.detail
            return from_refusal(error)
        VERIFIED.remember(token, claims)
        user = User.of(
            claims,
            self._grants.permissions(claims),
            self._subarrays(claims),
            one_of_several=len(self.keys) > 1,
        )
        take(user)
        request.environ[EXPIRES] = user.expires
        g.tags = contextlib.ExitStack()
        g.tags.enter_context(tagged(user=user.subject))
        if self._claim and not commands(claims, self._claim, self._subarray):
            return _refuse(403, f"your token is not for subarray {self._subarray}", _INSUFFICIENT)
        if needed not in user.permissions:
            return _refuse(403, f"you need the permission '{needed}'", _INSUFFICIENT)
        return None

    def _admit_nobody(self) -> Response | None:
        """Without authentication, refuse requests of pages of other sites (DNS rebinding)."""
        # The raw Host header: a page can set all others, and a library may interpret it differently.
        name = named_in(request.environ.get(RECEIVED_HOST, ""))
        if self._off or (name is not None and (is_this_machine(name) or name in self._names)):
            return None
        g.refused = _ONLY_HERE
        return problem(403, _ONLY_HERE)

    def _subarrays(self, claims: Mapping[str, Any]) -> frozenset[int] | None:
        if not self._claim:
            return None
        return frozenset(n for n in range(1, MOST_SUBARRAYS + 1) if commands(claims, self._claim, n))


_ONLY_HERE = (
    "this server serves this machine only; call it localhost or by a name in OET_HOST_NAMES, or set "
    "OET_AUTH_ISSUER, or OET_AUTH=off to serve everybody who can reach it"
)
_INSUFFICIENT = ', error="insufficient_scope"'


def leave(_error: BaseException | None) -> None:
    """Remove the user from the tags of the log."""
    tags: contextlib.ExitStack | None = g.pop("tags", None)
    if tags is not None:
        tags.close()


def _token(header: str | None) -> str | None:
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _refuse(status: int, why: str, how: str) -> Response:
    g.refused = why
    return problem(status, why, {"WWW-Authenticate": f'Bearer realm="oet"{how}'})

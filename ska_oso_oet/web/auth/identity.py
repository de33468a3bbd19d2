"""The user of the current request."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from flask import g, request

from ...settings.urls import neighbourhood
from .permissions import Permission

_NAMES = ("name", "preferred_username", "client_id", "azp", "sub")
_LONGEST = 200  #: characters of a name


class BadToken(Exception):  # noqa: N818  reads as a sentence
    """A token that is not valid here; the message gives the reason and none of its content."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class User:
    """A user, or a program, as its token describes it."""

    issuer: str
    subject: str  #: the recorded name; with the issuer if there are several, whose subjects may be alike
    name: str
    permissions: frozenset[Permission]
    expires: float  #: seconds since the epoch
    subarrays: frozenset[int] | None = None  #: subarrays of the token; None for all

    @classmethod
    def of(
        cls,
        claims: Mapping[str, Any],
        permissions: frozenset[Permission],
        subarrays: frozenset[int] | None = None,
        *,
        one_of_several: bool = False,
    ) -> User:
        """Read the claims of a valid token.

        :param one_of_several: whether other issuers' tokens are valid, too
        """
        subject = f"{claims['sub']}@{claims['iss']}" if one_of_several else claims["sub"]
        names = (claims.get(name) for name in _NAMES)
        name = next(name for name in names if isinstance(name, str) and name)
        return cls(
            issuer=claims["iss"],
            subject=_storable(subject),
            name=_storable(name[:_LONGEST]),
            permissions=permissions,
            expires=float(claims["exp"]),
            subarrays=subarrays,
        )


def _storable(text: str) -> str:
    # Databases and log lines do not accept every text of JSON.
    text = text.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def current() -> User | None:
    """The user of this request; None without authentication."""
    return cast(User | None, g.get("user"))


def whose() -> tuple[str, ...]:
    """The client that limits apply to: the user, if there is one, and the address."""
    user = current()
    address = f"address {neighbourhood(request.remote_addr or '')}"
    return (address,) if user is None else (f"user {user.subject} of {user.issuer}", address)


def subarrays() -> list[int] | None:
    """The subarrays whose history this request may read; None for all."""
    user = current()
    return None if user is None or user.subarrays is None else sorted(user.subarrays)


def take(user: User) -> None:
    """Set the user of this request."""
    g.user = user

"""What a route needs, and what the scopes and roles of a token grant."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from ...settings import Settings

View = TypeVar("View", bound=Callable[..., Any])

_DECLARED = "oet_permission"


class Permission(enum.StrEnum):
    """What a route needs."""

    OPEN = "open"  #: nothing; nobody is asked who they are
    READ = "read"
    EXECUTE = "execute"  #: includes read


class Undeclared(Exception):  # noqa: N818  reads as a sentence
    """A route that does not say which permission it needs."""


def needs(permission: Permission) -> Callable[[View], View]:
    """Declare, below the route of a view, which permission it needs."""

    def declare(view: View) -> View:
        setattr(view, _DECLARED, permission)
        return view

    return declare


def declared(app: Any) -> dict[str, Permission]:
    """What every route of an application needs, by endpoint.

    :raises Undeclared: naming a route that does not say
    """
    found = {}
    for rule in app.url_map.iter_rules():
        permission = getattr(app.view_functions[rule.endpoint], _DECLARED, None)
        if permission is None:
            raise Undeclared(f"the route {rule.rule} does not say which permission it needs")
        found[rule.endpoint] = permission
    return found


@dataclasses.dataclass(frozen=True)
class Grants:
    """Which `scope:NAME` and `role:NAME` grant which permission."""

    read: frozenset[str]
    execute: frozenset[str]
    clients: frozenset[str] = frozenset()  #: whose own roles count, where a provider tells roles by client

    @classmethod
    def of(cls, settings: Settings) -> Grants:
        """Those of the settings."""
        clients = frozenset({*settings.auth_audiences, settings.auth_client_id})
        return cls(frozenset(settings.auth_read), frozenset(settings.auth_execute), clients)

    def permissions(self, claims: Mapping[str, Any]) -> frozenset[Permission]:
        """What a token with these claims permits."""
        has = {f"scope:{name}" for name in scopes(claims)}
        has |= {f"role:{name}" for name in roles(claims, self.clients)}
        if has & self.execute:
            return frozenset({Permission.READ, Permission.EXECUTE})
        return frozenset({Permission.READ}) if has & self.read else frozenset()


def scopes(claims: Mapping[str, Any]) -> set[str]:
    """The scopes of a token: `scope` as RFC 8693 has it, `scp` as Entra ID and others do."""
    found = set(_words(claims.get("scope"))) | set(_words(claims.get("scp")))
    return {word for name in found for word in name.split()}


def roles(claims: Mapping[str, Any], clients: Collection[str]) -> set[str]:
    """The roles of a token: `roles`, `groups`, and Keycloak's, of the realm and of these clients."""
    found = set(_texts(claims.get("roles"))) | set(_texts(claims.get("groups")))
    found |= set(_texts(_object(claims.get("realm_access")).get("roles")))
    for client, access in _object(claims.get("resource_access")).items():
        if client in clients:
            found |= set(_texts(_object(access).get("roles")))
    return found


def commands(claims: Mapping[str, Any], claim: str, subarray: int) -> bool:
    """Tell whether a claim that lists subarrays (numbers, digits, or `*`) lists this one."""
    listed = claims.get(claim)
    for entry in listed if isinstance(listed, list) else [listed]:
        if isinstance(entry, bool):
            continue
        if entry in ("*", subarray) or (isinstance(entry, str) and _number(entry) == subarray):
            return True
    return False


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else None


def _words(value: Any) -> Iterable[str]:
    return value.split() if isinstance(value, str) else _texts(value)


def _texts(value: Any) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

"""The permission of a route, and those that the scopes and roles of a token grant."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from flask import current_app, request

from ...settings import Settings

View = TypeVar("View", bound=Callable[..., Any])

_DECLARED = "oet_permission"
_QUESTION = "oet_question"


class Permission(enum.StrEnum):
    """The permission of a route."""

    OPEN = "open"  #: no authentication
    READ = "read"
    EXECUTE = "execute"  #: includes read


class Undeclared(Exception):  # noqa: N818  reads as a sentence
    """A route without a declared permission."""


def needs(permission: Permission) -> Callable[[View], View]:
    """Declare the permission of a view, below its route."""

    def declare(view: View) -> View:
        setattr(view, _DECLARED, permission)
        return view

    return declare


def question(view: View) -> View:
    """Declare that a view changes nothing, though its method is not GET, since it needs a body."""
    setattr(view, _QUESTION, True)
    return view


def declared(app: Any) -> dict[str, Permission]:
    """The permission of every route of an application, by endpoint.

    :raises Undeclared: naming a route without one
    """
    permissions = {}
    for rule in app.url_map.iter_rules():
        permission = getattr(app.view_functions[rule.endpoint], _DECLARED, None)
        if permission is None:
            raise Undeclared(f"the route {rule.rule} does not say which permission it needs")
        permissions[rule.endpoint] = permission
    return permissions


def is_command() -> bool:
    """Whether the current request is a command, by its method, and by its view if that only asks."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    return not getattr(current_app.view_functions.get(request.endpoint or ""), _QUESTION, False)


@dataclasses.dataclass(frozen=True)
class Grants:
    """The `scope:NAME` and `role:NAME` that grant each permission."""

    read: frozenset[str]
    execute: frozenset[str]
    clients: frozenset[str] = frozenset()  #: client ids whose roles count, if a provider has roles per client

    @classmethod
    def of(cls, settings: Settings) -> Grants:
        """The grants of the settings."""
        clients = frozenset({*settings.auth_audiences, settings.auth_client_id})
        return cls(frozenset(settings.auth_read), frozenset(settings.auth_execute), clients)

    def permissions(self, claims: Mapping[str, Any]) -> frozenset[Permission]:
        """The permissions of a token with these claims."""
        has = {f"scope:{name}" for name in scopes(claims)}
        has |= {f"role:{name}" for name in roles(claims, self.clients)}
        if has & self.execute:
            return frozenset({Permission.READ, Permission.EXECUTE})
        return frozenset({Permission.READ}) if has & self.read else frozenset()


def scopes(claims: Mapping[str, Any]) -> set[str]:
    """The scopes of a token: `scope` (RFC 8693), or `scp` (Entra ID and others)."""
    values = set(_words(claims.get("scope"))) | set(_words(claims.get("scp")))
    return {word for value in values for word in value.split()}


def roles(claims: Mapping[str, Any], clients: Collection[str]) -> set[str]:
    """The roles of a token: `roles`, `groups`, and Keycloak's, of the realm and of these clients."""
    names = set(_texts(claims.get("roles"))) | set(_texts(claims.get("groups")))
    names |= set(_texts(_object(claims.get("realm_access")).get("roles")))
    for client, access in _object(claims.get("resource_access")).items():
        if client in clients:
            names |= set(_texts(_object(access).get("roles")))
    return names


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

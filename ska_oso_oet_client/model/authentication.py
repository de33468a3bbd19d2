"""Who may talk to an OET: how to log in there, and what it wrote down about who did."""

from __future__ import annotations

from dataclasses import dataclass, field

from .record import Document


@dataclass(frozen=True, kw_only=True)
class Authentication:
    """How to log in to an OET, or that nobody needs to.

    ``scopes`` is a list of words; ``audience`` names the OET to the identity provider.
    """

    required: bool
    issuer: str = ""
    client_id: str = ""
    scopes: str = ""
    audience: str | None = None
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> Authentication:
        required = bool(document["required"])
        return cls(
            required=required,
            issuer=_text(document, "issuer", required),
            client_id=_text(document, "client_id", required),
            scopes=_text(document, "scopes", required),
            audience=_text(document, "audience") or None,
            document=document,
        )


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """A request that changed something, or was refused. ``time`` in seconds since the epoch.

    ``what`` is the request in words, ``user`` the subject of its token and ``name`` what that
    user is called; ``status`` is None where no answer was given.
    """

    id: int
    time: float
    user: str | None
    name: str | None
    address: str | None
    method: str
    path: str
    what: str | None
    status: int | None
    detail: str | None
    request_id: str | None
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> AuditEntry:
        return cls(
            id=int(document["id"]),
            time=float(document["time"]),
            user=document.get("user"),
            name=document.get("name"),
            address=document.get("address"),
            method=document["method"],
            path=document["path"],
            what=document.get("what"),
            status=None if document["status"] is None else int(document["status"]),
            detail=document.get("detail"),
            request_id=document.get("request_id"),
            document=document,
        )


def _text(document: Document, name: str, required: bool = False) -> str:
    value = document[name] if required else document.get(name) or ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value

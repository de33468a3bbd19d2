"""The shape of the parameters for logging in, in the REST contract."""

from __future__ import annotations

from pydantic import BaseModel


class Login(BaseModel):
    """The parameters for logging in."""

    required: bool
    issuer: str | None
    client_id: str | None
    scopes: str
    audience: str | None

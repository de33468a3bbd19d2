"""Tokens that say odd things are shown, or called no token, and break nothing."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from ..support.fake_oet import Answer, FakeOET
from .conftest import Result

Run = Callable[..., Result]


def _token(claims: Any) -> str:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    return f"e30.{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.x"


@pytest.fixture
def asking(oet: FakeOET) -> FakeOET:
    """An OET that says a login is needed."""
    oet.authentication = {
        "required": True,
        "issuer": "https://idp.example",
        "client_id": "oet-cli",
        "scopes": "openid",
        "audience": None,
    }
    return oet


@pytest.mark.parametrize("moment", [10**400, 1e18, math.inf, math.nan, -1e300])
def test_a_token_may_end_at_any_time(
    asking: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch, moment: float
) -> None:
    monkeypatch.setenv("OET_TOKEN", _token({"sub": "jo", "exp": moment}))
    result = run("whoami")
    assert (result.status, result.err) == (0, "")
    assert "jo" in result.out


def test_a_token_nested_without_end_says_nothing(
    asking: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OET_TOKEN", _token("[" * 50_000))
    result = run("whoami")
    assert (result.status, result.err) == (0, "")


def test_a_refusal_cannot_command_the_terminal(asking: FakeOET, run: Run) -> None:
    asking.plan("GET", "/procedures", Answer.problem(409, "\x1b]0;x\x07no\x9b1m"))
    result = run("procedure", "list")
    assert result.status == 3
    assert not {"\x1b", "\x07", "\x9b"} & set(result.err)

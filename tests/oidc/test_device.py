"""``oet login --device``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from ska_oso_oet_client import LoginFailedError, OETClient
from ska_oso_oet_client.errors import ProviderUnreachableError
from ska_oso_oet_client.login import grants
from ska_oso_oet_client.login.provider import Provider as Endpoints
from ska_oso_oet_client.login.provider import ProviderRefusal, Tokens, discover
from ska_oso_oet_client.model import Authentication
from tests.client.conftest import Result
from tests.support.fake_oet import FakeOET

from ..support.person import Person
from ..support.provider import Provider

Run = Callable[..., Result]


class Device:
    """Logs in, and lets a person do something with link and code at the first pause."""

    def __init__(self, oet: FakeOET) -> None:
        with OETClient(oet.url) as client:
            self.offer = client.authentication()
        self.endpoints = discover(self.offer.issuer)
        self.talk: list[str] = []
        self.pauses: list[float] = []
        self.pages: list[requests.Response] = []

    def log_in(self, person: Person | None) -> Tokens:
        def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            if person is not None and not self.pages and len(self.pauses) > 1:
                link, code = self.shown()
                self.pages.append(person.visit(link, user_code=code))

        return grants.log_in_elsewhere(
            self.offer, self.endpoints, timeout=60, notify=self.talk.append, sleep=sleep
        )

    def shown(self) -> tuple[str, str]:
        found = re.search(r"(http\S+)\s.*enter the code (\S+)\n", "".join(self.talk), re.DOTALL)
        assert found is not None
        return found[1], found[2]


@pytest.fixture
def device(guarded: FakeOET) -> Device:
    return Device(guarded)


def test_somebody_enters_the_code_elsewhere(device: Device, provider: Provider) -> None:
    tokens = device.log_in(Person("mallory"))
    claims = provider.claims(tokens.access_token)
    assert claims is not None
    assert (claims["sub"], claims["roles"]) == ("mallory", ["LOW_TELESCOPE_OPERATOR"])
    assert tokens.refresh_token is not None
    assert device.pauses == [5, 5]


def test_somebody_says_no_elsewhere(device: Device) -> None:
    with pytest.raises(LoginFailedError, match="access_denied"):
        device.log_in(Person("mallory", consents=False))


def test_the_command_shows_link_and_code_and_keeps_the_login(
    guarded: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    monkeypatch.setattr(grants, "_FIRST_INTERVAL", 0.01)
    told: list[str] = []
    monkeypatch.setattr("ska_oso_oet_client.cli.login.tell", lambda text: _enter(text, told))
    result = run("login", "--device")
    assert result.status == 0
    assert "Alice Archer" in result.out
    assert len(told) == 1
    assert run("procedure", "list").status == 0


def _enter(text: str, told: list[str]) -> None:
    told.append(text)
    found = re.search(r"(http\S+)\s.*enter the code (\S+)\n", text, re.DOTALL)
    assert found is not None
    Person("alice").visit(found[1], user_code=found[2])


def _scripted(answers: Iterator[Exception | Tokens], **code: Any) -> Endpoints:
    class Scripted(Endpoints):
        def device_code(self, **fields: str | None) -> dict[str, Any]:
            named = {"verification_uri": "https://x/device", "user_code": "AB", "device_code": "c"}
            return {**named, **code}

        def tokens(self, secret: tuple[str, str] | None = None, **fields: str | None) -> Tokens:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

    return Scripted(issuer="https://x", token_endpoint="https://x/token")


OFFER = Authentication(required=True, issuer="https://x", client_id="oet-cli", scopes="openid", document={})
PENDING = ProviderRefusal("authorization_pending")


def _wait(answers: list[Exception | Tokens], **code: Any) -> tuple[Tokens, list[float]]:
    now = [0.0]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    tokens = grants.log_in_elsewhere(
        OFFER,
        _scripted(iter(answers), **code),
        timeout=60,
        notify=lambda sentence: None,
        sleep=sleep,
        clock=lambda: now[0],
    )
    return tokens, pauses


def test_the_provider_says_how_often_to_ask() -> None:
    slow, away = ProviderRefusal("slow_down"), ProviderUnreachableError("https://x", "gone")
    tokens, pauses = _wait([PENDING, slow, PENDING, away, Tokens(access_token="t")], interval=2)
    assert tokens.access_token == "t"
    assert pauses == [2, 2, 7, 7, 14]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([PENDING] * 99, {}),
        ([PENDING] * 99, {"expires_in": 20}),
        ([ProviderRefusal("expired_token")], {}),
    ],
)
def test_a_code_that_nobody_enters_ends(answers: list[Exception | Tokens], code: dict[str, Any]) -> None:
    with pytest.raises(LoginFailedError, match="nobody entered the code in time"):
        _wait(answers, **code)

"""Programs: a client's own tokens, and a token from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ska_oso_oet_client import InvalidRequestError, OETClient
from ska_oso_oet_client.login.programs import ClientCredentials
from tests.client.conftest import Result
from tests.support.fake_oet import FakeOET

from ..support.provider import SECRET, Provider
from .conftest import Browser

Run = Callable[..., Result]


@pytest.fixture
def service(guarded: FakeOET, monkeypatch: pytest.MonkeyPatch) -> FakeOET:
    """An OET, for a program that is a client of the provider."""
    monkeypatch.setenv("OET_CLIENT_ID", "oet-svc")
    monkeypatch.setenv("OET_CLIENT_SECRET", SECRET)
    return guarded


def test_a_client_needs_no_login(service: FakeOET, run: Run) -> None:
    assert run("procedure", "create", "file:///x.py", "--listen=False").status == 0
    whoami = run("whoami")
    assert whoami.status == 0
    assert "oet-svc" in whoami.out


def test_a_token_of_a_client_is_used_again_until_it_is_due(service: FakeOET, provider: Provider) -> None:
    now = [1000.0]
    with OETClient(service.url) as client:
        credentials = ClientCredentials(
            "oet-svc", SECRET, client.url, client.authentication, clock=lambda: now[0]
        )
    first = credentials.token()
    now[0] += 269
    assert credentials.token() == first
    assert credentials.holds(str(first))
    now[0] += 2
    assert not credentials.holds(str(first))
    assert credentials.token() != first


def test_a_token_of_a_client_that_is_refused_is_replaced(service: FakeOET, provider: Provider) -> None:
    with OETClient(service.url) as client:
        client.procedures()
        provider.withdraw()
        client.procedures()
    assert len(service.asked("GET", "/procedures")) == 3
    assert len(service.asked("GET", "/auth")) == 1


def test_a_wrong_secret_is_status_4_and_never_shown(
    service: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OET_CLIENT_SECRET", "wrong-secret")
    result = run("procedure", "list", "--verbose")
    assert result.status == 4
    assert "refuses the client oet-svc (invalid_client" in result.err
    assert "wrong-secret" not in result.err


@pytest.mark.parametrize("missing", ["OET_CLIENT_ID", "OET_CLIENT_SECRET"])
def test_half_a_client_is_wrong_usage(
    service: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    result = run("procedure", "list")
    assert result == Result(2, "", "Error: Set both OET_CLIENT_ID and OET_CLIENT_SECRET, or neither\n")


def test_no_secret_leaves_for_a_provider_named_in_the_open(service: FakeOET, run: Run) -> None:
    result = run("procedure", "list", "--server-url=http://oet.invalid/oet/1/api/v1")
    assert result.status == 2
    assert "over plain http" in result.err


def test_a_client_of_a_server_that_needs_none_asks_no_provider(
    oet: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OET_CLIENT_ID", "oet-svc")
    monkeypatch.setenv("OET_CLIENT_SECRET", SECRET)
    assert run("procedure", "list").status == 0


def test_a_token_in_the_environment_goes_before_everything(
    service: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch, provider: Provider, browser: Browser
) -> None:
    login = run("login")
    assert "OET_CLIENT_ID is set and takes precedence over this login" in login.err
    token = provider.token_for("bob")
    monkeypatch.setenv("OET_TOKEN", token)
    assert "Bob Baker" in run("whoami").out
    assert run("procedure", "list").status == 0
    assert service.requests[-1].headers["Authorization"] == f"Bearer {token}"
    assert "OET_TOKEN is still set" in run("logout").err


def test_a_token_in_the_environment_that_does_not_hold_is_named(
    guarded: FakeOET, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OET_TOKEN", "outdated")
    result = run("procedure", "list")
    assert result.status == 4
    assert "does not accept the token in OET_TOKEN: The token does not hold" in result.err
    assert "outdated" not in result.err
    assert len(guarded.requests) == 1


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "snow\u2603", ""])
def test_what_cannot_be_a_token_is_not_sent(guarded: FakeOET, token: str) -> None:
    with pytest.raises(InvalidRequestError, match="The text in the argument token is not a token"):
        OETClient(guarded.url, token=token)


def test_a_netrc_file_does_not_replace_the_token(
    guarded: FakeOET,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    provider: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("OET_TOKEN", provider.token_for("alice"))
    assert run("procedure", "list").status == 0

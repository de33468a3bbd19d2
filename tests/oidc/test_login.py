"""``oet login`` in a browser on this computer, and who may interfere with it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ska_oso_oet_client import OETClient
from ska_oso_oet_client.login.callback import Callback
from tests.client.conftest import Result
from tests.support.fake_oet import FakeOET

from ..support.person import Person
from ..support.provider import AUDIENCE, Provider
from .conftest import Browser

Run = Callable[..., Result]


def query_of(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def callback_of(link: str) -> str:
    return query_of(link)["redirect_uri"]


def get(url: str, headers: dict[str, str] | None = None) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers=headers, timeout=30)


def test_after_a_login_commands_are_allowed(guarded: FakeOET, run: Run, browser: Browser) -> None:
    assert run("procedure", "list").status == 4
    result = run("login")
    assert result.status == 0
    assert "Alice Archer" in result.out
    assert browser.links[0] in result.err
    assert run("procedure", "list").status == 0
    assert run("procedure", "list", "--subarray_id=1").status == 0


def test_the_login_asks_for_what_the_server_said(
    guarded: FakeOET, run: Run, browser: Browser, provider: Provider
) -> None:
    run("login")
    query = query_of(browser.links[0])
    assert query["resource"] == AUDIENCE
    assert query["code_challenge_method"] == "S256"
    assert query["prompt"] == "consent"
    assert query["scope"] == guarded.authentication["scopes"]
    assert urlsplit(query["redirect_uri"]).hostname == "127.0.0.1"
    run("procedure", "list")
    claims = provider.claims(guarded.requests[-1].headers["Authorization"].removeprefix("Bearer "))
    assert claims is not None
    assert claims["aud"] == AUDIENCE


def test_without_offline_access_no_consent_is_forced(
    guarded: FakeOET, run: Run, browser: Browser, provider: Provider
) -> None:
    guarded.demand_login(provider, scopes="openid oet:read")
    assert run("login").status == 0
    assert "prompt" not in query_of(browser.links[0])


def test_the_last_page_tells_to_close_it_and_loads_nothing(
    guarded: FakeOET, run: Run, browser: Browser
) -> None:
    run("login")
    assert browser.is_done.wait(10)
    (page,) = browser.pages
    assert page.status_code == 200
    assert "You can close this window" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Cache-Control"] == "no-store"
    assert "src=" not in page.text
    assert query_of(page.url)["code"] not in page.text


def test_no_browser_only_shows_the_link(guarded: FakeOET, run: Run, browser: Browser) -> None:
    result = run("login", "--no-browser", "--timeout=0.05")
    assert (result.status, result.out) == (4, "")
    assert "The login failed: nobody logged in within 0.05 s" in result.err
    assert f"{guarded.issuer.issuer}/auth?" in result.err  # type: ignore[union-attr]
    assert not browser.links


def test_a_login_that_was_not_consented_to_fails(guarded: FakeOET, run: Run, browser: Browser) -> None:
    browser.act = Person("alice", consents=False).visit
    result = run("login")
    assert result.status == 4
    assert "The login failed: the identity provider says access_denied" in result.err
    assert browser.is_done.wait(10)
    assert "The login failed" in browser.pages[0].text
    assert run("whoami").status == 4


def test_an_answer_with_another_state_is_refused_and_tells_nothing(
    guarded: FakeOET, run: Run, browser: Browser, tokens_folder: Path
) -> None:
    browser.act = lambda link: get(f"{callback_of(link)}?code=abc&state=guessed")
    result = run("login", "--timeout=1")
    assert result.status == 4
    assert "nobody logged in within 1 s; an answer came that does not belong to this login" in result.err
    assert browser.is_done.wait(10)
    assert browser.pages[0].status_code == 400
    assert "abc" not in browser.pages[0].text + result.err
    assert not list(tokens_folder.glob("*.json"))


def test_an_answer_with_another_state_does_not_spoil_the_login(
    guarded: FakeOET, run: Run, browser: Browser
) -> None:
    def act(link: str) -> requests.Response | None:
        assert get(f"{callback_of(link)}?code=abc&state=guessed").status_code == 400
        return Person("alice").visit(link)

    browser.act = act
    assert "Alice Archer" in run("login").out


def test_only_the_provider_that_is_meant_gets_a_login(
    guarded: FakeOET, run: Run, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OET_ISSUER", "https://login.example")
    result = run("login")
    assert (result.status, browser.links) == (4, [])
    assert "not that in OET_ISSUER" in result.err


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("&code=a&iss=https://other", "not from the identity provider that was asked"),
        ("&code=a", "not from the identity provider that was asked"),
        ("&code=a&code=b", "has a parameter twice"),
        ("&iss={issuer}", "has no code"),
        ("&iss={issuer}&code=made-up", "invalid_grant"),
        ("&iss={issuer}&error=x%1b[31my", "says xy"),
    ],
)
def test_an_answer_that_is_not_right_fails_the_login(
    guarded: FakeOET, run: Run, browser: Browser, provider: Provider, more: str, reason: str
) -> None:
    def answer(link: str) -> requests.Response:
        state = query_of(link)["state"]
        return get(f"{callback_of(link)}?state={state}{more.format(issuer=provider.issuer)}")

    browser.act = answer
    result = run("login")
    assert result.status == 4
    assert reason in result.err


def test_pages_and_programs_cannot_interfere_with_a_login(
    guarded: FakeOET, run: Run, browser: Browser
) -> None:
    statuses = []

    def interfere(link: str) -> requests.Response:
        url = callback_of(link)
        aimed = f"{url}?code=abc&state={query_of(link)['state']}"
        inside_a_page = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        in_a_frame = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
        port = urlsplit(url).port
        for answer in (
            get(aimed, inside_a_page),
            get(aimed, in_a_frame),
            get(aimed, {"Host": "rebound.example"}),
            get(aimed, {"Host": f"localhost:{port}"}),
            get(aimed.replace("/callback", "/")),
            get(aimed.replace("/callback", "/callback/")),
            requests.post(aimed, timeout=30),
            requests.head(aimed, timeout=30),
            requests.request("TRACE", aimed, timeout=30),
        ):
            statuses.append(answer.status_code)
            assert "abc" not in answer.text
        return Person("alice").visit(link)

    browser.act = interfere
    assert run("login").status == 0
    assert statuses == [403, 403, 421, 421, 404, 404, 405, 405, 501]


def test_only_the_first_visit_of_the_callback_counts() -> None:
    with Callback("a state", "https://issuer", names_itself=False) as callback:
        first = get(f"{callback.url}?state=a+state&code=first")
        second = get(f"{callback.url}?state=a+state&code=second")
        assert callback.wait(10) == "first"
    assert (first.status_code, second.status_code) == (200, 410)


def test_the_callback_cannot_be_reached_from_other_computers() -> None:
    with Callback("a state", "https://issuer", names_itself=False) as callback:
        port = urlsplit(callback.url).port
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port or 0), timeout=5)
        first_in_line = socket.create_connection(("127.0.0.1", port or 0), timeout=5)
        with first_in_line:  # a browser opens connections that it may never use
            get(f"{callback.url}?state=a+state&code=first")
            assert callback.wait(10) == "first"


def test_a_code_is_good_for_one_login_only(guarded: FakeOET, run: Run, browser: Browser) -> None:
    run("login")
    assert browser.is_done.wait(10)
    stolen = query_of(browser.pages[0].url)["code"]

    def replay(link: str) -> requests.Response:
        query = query_of(link)
        issuer = guarded.authentication["issuer"]
        return get(f"{callback_of(link)}?state={query['state']}&iss={issuer}&code={stolen}")

    browser.act = replay
    result = run("login")
    assert result.status == 4
    assert "invalid_grant" in result.err
    assert stolen not in result.err


def test_the_issuer_must_be_who_it_is_said_to_be(
    guarded: FakeOET, run: Run, browser: Browser, provider: Provider
) -> None:
    guarded.demand_login(provider, issuer=provider.issuer.replace("127.0.0.1", "localhost"))
    result = run("login")
    assert result.status == 5
    assert "names another issuer than http://localhost" in result.err
    assert not browser.links


def test_a_provider_without_https_is_not_trusted(guarded: FakeOET, run: Run, provider: Provider) -> None:
    guarded.demand_login(provider, issuer="http://login.example.org")
    result = run("login")
    assert result.status == 5
    assert "must have an https address" in result.err


def test_a_server_that_needs_no_login_says_so(oet: FakeOET, run: Run, browser: Browser) -> None:
    home = oet.url.replace("/oet/1/", "/oet/")
    assert run("login") == Result(0, f"{home} needs no login\n", "")
    assert run("whoami") == Result(0, f"{home} needs no login\n", "")
    assert not browser.links


def test_no_login_crosses_a_network_in_the_open(
    run: Run, monkeypatch: pytest.MonkeyPatch, guarded: FakeOET
) -> None:
    monkeypatch.setenv("OET_TOKEN", "secret")
    result = run("procedure", "list", "--server-url=http://oet.invalid/oet/1/api/v1")
    assert result.status == 2
    assert "No login is sent to oet.invalid over plain http" in result.err
    assert "secret" not in result.err


def test_whoami_tells_who_and_what_is_permitted(
    guarded: FakeOET, run: Run, browser: Browser, provider: Provider
) -> None:
    assert run("whoami").err == (
        f"Error: Not logged in to {guarded.url.replace('/oet/1/', '/oet/')}: run `oet login`\n"
    )
    run("login")
    result = run("whoami")
    assert result.status == 0
    for text in ("Alice Archer", "alice", provider.issuer, "SW_ENGINEER", "oet:read oet:execute"):
        assert text in result.out
    found = json.loads(run("whoami", "--output=json").out)
    assert (found["name"], found["subject"]) == ("Alice Archer", "alice")
    assert found["permissions"]["roles"] == ["SW_ENGINEER"]


def test_one_who_may_only_look_is_told_what_is_missing(guarded: FakeOET, run: Run, browser: Browser) -> None:
    browser.act = Person("bob").visit
    run("login")
    result = run("procedure", "create", "file:///x.py", "--listen=False")
    assert result.status == 4
    assert result.err.startswith("Error: you need the permission 'execute'; the administrators")


def test_the_library_uses_the_same_login(
    guarded: FakeOET, run: Run, browser: Browser, provider: Provider
) -> None:
    run("login")
    with OETClient(guarded.url) as client:
        assert client.procedures() == []
    with OETClient(guarded.url, token=provider.token_for("bob")) as client:
        assert client.procedures() == []
    assert guarded.requests[-1].headers["Authorization"] != guarded.requests[-2].headers["Authorization"]

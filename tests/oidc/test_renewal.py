"""Logins over time: kept safely, renewed silently, ended when the provider says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ska_oso_oet_client import NotLoggedInError, OETClient
from ska_oso_oet_client.login.store import Store
from tests.client.conftest import Result
from tests.client.test_process import MAIN
from tests.conftest import until
from tests.support.fake_oet import FakeOET, sse

from ..support.provider import Provider
from .conftest import Browser

Run = Callable[..., Result]


@pytest.fixture
def kept(guarded: FakeOET, run: Run, browser: Browser, tokens_folder: Path) -> Path:
    """The file of alice's login."""
    assert run("login").status == 0
    (file,) = tokens_folder.glob("*.json")
    return file


def change(file: Path, **fields: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def sent(oet: FakeOET) -> list[str]:
    """The different tokens that requests came with."""
    tokens = (request.headers.get("Authorization", "") for request in oet.requests)
    return [token for token in dict.fromkeys(tokens) if token]


def waiting_for_a_lock() -> set[int]:
    """Processes that the system lets wait for a file lock."""
    lines = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    return {int(words[5]) for words in lines if words[1] == "->"}


def test_nobody_else_can_read_a_login(kept: Path) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in kept.parent.iterdir()} == {0o600}


def test_a_login_that_others_could_read_is_hidden_from_them_again(kept: Path, run: Run) -> None:
    kept.chmod(0o644)
    kept.parent.chmod(0o755)
    assert run("procedure", "list").status == 0
    assert kept.stat().st_mode & 0o777 == 0o600
    change(kept, renew=1)
    assert run("procedure", "list").status == 0
    assert kept.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"server": 3}'])
def test_a_broken_file_is_no_login(kept: Path, run: Run, text: str) -> None:
    kept.write_text(text)
    assert run("procedure", "list").status == 4
    assert run("login").status == 0
    assert run("procedure", "list").status == 0


def test_a_token_is_sent_only_where_it_is_from(kept: Path, run: Run, guarded: FakeOET) -> None:
    other = guarded.root.replace("127.0.0.1", "localhost")
    guarded.requests.clear()
    assert run("procedure", "list", f"--server-url={other}/ska-oso-oet/oet/1/api/v1").status == 4
    assert run("procedure", "list", f"--server-url={guarded.root}/other/oet/1/api/v1").status == 4
    assert sent(guarded) == []


def test_a_token_is_replaced_before_it_ends(kept: Path, run: Run, guarded: FakeOET) -> None:
    before = json.loads(kept.read_text())
    assert before["expires"] - before["renew"] == pytest.approx(30)
    change(kept, renew=time.time())
    guarded.requests.clear()
    assert run("procedure", "list").status == 0
    after = json.loads(kept.read_text())
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    assert sent(guarded) == [f"Bearer {after['access_token']}"]


def test_a_token_that_is_refused_is_replaced_once(
    kept: Path, run: Run, guarded: FakeOET, provider: Provider
) -> None:
    provider.withdraw()
    guarded.requests.clear()
    assert run("procedure", "create", "file:///x.py", "--listen=False").status == 0
    first, second = guarded.asked("POST")
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.headers["Authorization"] != second.headers["Authorization"]


def test_a_server_that_accepts_nothing_is_asked_twice_only(
    kept: Path, run: Run, guarded: FakeOET, monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    monkeypatch.setattr(provider, "claims", lambda token: None)
    guarded.requests.clear()
    result = run("procedure", "list")
    assert result.status == 4
    assert "does not accept this login: The token does not hold" in result.err
    assert len(guarded.requests) == 2


def test_a_login_that_was_revoked_has_ended(
    kept: Path, run: Run, provider: Provider, guarded: FakeOET
) -> None:
    provider.revoke(json.loads(kept.read_text())["refresh_token"])
    change(kept, renew=1)
    result = run("procedure", "list")
    server = guarded.url.replace("/oet/1/", "/oet/")
    expected = f"Error: Not logged in to {server}: run `oet login`\n"
    assert result == Result(4, "", expected)
    assert not kept.exists()
    assert run("whoami") == Result(4, "", expected)


def test_a_login_without_refresh_token_lasts_as_long_as_its_token(
    kept: Path, run: Run, provider: Provider
) -> None:
    change(kept, renew=1, refresh_token=None)
    assert run("procedure", "list").status == 0
    change(kept, expires=1)
    assert run("procedure", "list").status == 4


def test_a_provider_that_is_away_has_not_ended_the_login(
    oet: FakeOET, own_provider: Provider, run: Run, browser: Browser, tokens_folder: Path
) -> None:
    oet.demand_login(own_provider)
    run("login")
    own_provider.stop()
    oet.issuer = None  # nothing can be asked of the provider now
    (kept,) = tokens_folder.glob("*.json")
    change(kept, renew=1)
    assert run("procedure", "list").status == 0  # the token still holds
    change(kept, expires=2)
    result = run("procedure", "list")
    assert result.status == 5
    assert f"Cannot reach the identity provider at {own_provider.issuer}/token" in result.err
    assert kept.exists()


def test_terminals_that_renew_at_once_do_not_spoil_the_login(kept: Path, run: Run, guarded: FakeOET) -> None:
    change(kept, renew=1)
    guarded.requests.clear()
    command = [sys.executable, "-c", MAIN, "procedure", "list"]
    store = Store(guarded.url.replace("/oet/1/", "/oet/"), os.environ)
    with store.locked():
        terminals = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        until(lambda: waiting_for_a_lock() >= {terminal.pid for terminal in terminals})
    errors = [terminal.communicate(timeout=60)[1] for terminal in terminals]
    assert [terminal.returncode for terminal in terminals] == [0, 0, 0], errors
    assert len(sent(guarded)) == 1
    assert run("procedure", "list").status == 0
    change(kept, renew=1)
    assert run("procedure", "list").status == 0


def test_a_stream_outlives_its_token_unnoticed(
    guarded: FakeOET, run: Run, browser: Browser, provider: Provider, tokens_folder: Path
) -> None:
    provider.settings(access_token_ttl=4)
    run("login")
    (kept,) = tokens_folder.glob("*.json")
    token_ended = threading.Event()
    guarded.plan_stream(sse("before", 1), token_ended)
    guarded.plan_stream(sse("after", 2), guarded.closing)
    talk: list[str] = []
    with OETClient(guarded.url) as client:
        events = client.events(notify=talk.append)
        assert next(events).topic == "before"
        time.sleep(max(0.0, json.loads(kept.read_text())["renew"] - time.time()))
        provider.withdraw()
        token_ended.set()
        assert next(events).topic == "after"
        events.close()
    assert talk == []
    first, second = guarded.asked("GET", "/stream")
    assert first.headers["Authorization"] != second.headers["Authorization"]
    assert second.headers["Last-Event-ID"] == "1"


def test_a_stream_ends_with_the_login(kept: Path, guarded: FakeOET, provider: Provider) -> None:
    logged_out = threading.Event()
    guarded.plan_stream(sse("before", 1), logged_out)
    with OETClient(guarded.url, sleep=lambda seconds: None) as client:
        events = client.events(notify=lambda sentence: None)
        assert next(events).topic == "before"
        provider.revoke(json.loads(kept.read_text())["refresh_token"])
        provider.withdraw()
        logged_out.set()
        with pytest.raises(NotLoggedInError):
            next(events)


def test_no_output_shows_a_token(
    kept: Path, run: Run, guarded: FakeOET, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = _secrets(kept)
    change(kept, renew=1)
    shown = []
    for words in (
        ("procedure", "list", "--verbose"),
        ("whoami", "--verbose"),
        ("whoami", "--output=json"),
        ("procedure", "describe", "--pid=9", "--verbose"),
    ):
        result = run(*words)
        shown += [result.out, result.err]
        secrets += _secrets(kept)
    provider.revoke(json.loads(kept.read_text())["refresh_token"])
    change(kept, renew=1)
    for words in (("procedure", "list", "--verbose"), ("logout", "--verbose")):
        result = run(*words)
        shown += [result.out, result.err]
    text = "".join(shown) + caplog.text
    assert len(set(secrets)) == 4
    assert not [secret for secret in secrets if secret in text]


def _secrets(kept: Path) -> list[str]:
    session = json.loads(kept.read_text())
    return [session["access_token"], session["refresh_token"]]

"""``oet logout``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.client.conftest import Result
from tests.support.fake_oet import FakeOET

from ..support.provider import AUDIENCE, CLIENT, Provider
from .conftest import Browser

Run = Callable[..., Result]


def test_a_logout_revokes_and_forgets_the_login(
    guarded: FakeOET, run: Run, browser: Browser, provider: Provider, tokens_folder: Path
) -> None:
    run("login")
    (kept,) = tokens_folder.glob("*.json")
    refresh_token = json.loads(kept.read_text())["refresh_token"]
    server = guarded.url.replace("/oet/1/", "/oet/")
    assert run("logout") == Result(0, f"Logged out of {server}\n", "")
    assert not kept.exists()
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token, "resource": AUDIENCE}
    answer = requests.post(f"{provider.issuer}/token", data={**fields, "client_id": CLIENT}, timeout=30)
    assert answer.json()["error"] == "invalid_grant"
    assert run("procedure", "list").status == 4


def test_a_logout_without_a_login_is_fine(guarded: FakeOET, run: Run) -> None:
    for _ in range(2):
        result = run("logout")
        assert (result.status, result.err) == (0, "")
        assert "You were not logged in" in result.out


def test_a_logout_leaves_nothing_of_what_was_broken_or_never_finished(
    guarded: FakeOET, run: Run, browser: Browser, tokens_folder: Path
) -> None:
    run("login")
    (kept,) = tokens_folder.glob("*.json")
    unfinished = kept.with_suffix(".new")
    unfinished.write_text(kept.read_text()[:100])
    kept.write_text("[" * 100_000)
    assert run("procedure", "list").status == 4
    assert run("logout").status == 0
    assert [path.suffix for path in tokens_folder.iterdir()] == [".lock"]


def test_a_login_goes_over_what_a_killed_one_left(
    guarded: FakeOET, run: Run, browser: Browser, tokens_folder: Path
) -> None:
    run("login")
    (kept,) = tokens_folder.glob("*.json")
    kept.rename(kept.with_suffix(".new"))
    assert run("login").status == 0
    assert list(tokens_folder.glob("*.json")) == [kept]
    assert not kept.with_suffix(".new").exists()


def test_a_logout_without_the_provider_says_what_was_not_done(
    oet: FakeOET, own_provider: Provider, run: Run, browser: Browser, tokens_folder: Path
) -> None:
    oet.demand_login(own_provider)
    run("login")
    own_provider.stop()
    result = run("logout")
    assert result.status == 0
    assert "Logged out of" in result.out
    assert "was not revoked: Cannot reach the identity provider" in result.err
    assert not list(tokens_folder.glob("*.json"))


def test_a_provider_that_cannot_revoke_is_named(
    guarded: FakeOET, run: Run, browser: Browser, tokens_folder: Path
) -> None:
    run("login")
    (kept,) = tokens_folder.glob("*.json")
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "revocation_endpoint": None}))
    found = run("logout", "--output=json")
    assert json.loads(found.out)["not_revoked"] == "the identity provider cannot revoke tokens"
    assert found.status == 0


@pytest.mark.parametrize("words", [("login", "--timeout=0.01", "--no-browser"), ("logout",)])
def test_a_folder_that_cannot_be_used_is_one_sentence(
    guarded: FakeOET, run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "state").write_text("not a folder")
    result = run(*words)
    assert result.err.count("\n") <= 1
    assert result.status == (0 if words == ("logout",) else 3)

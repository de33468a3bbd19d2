from __future__ import annotations

import contextlib
import threading
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from ska_oso_oet.settings import PACKAGED_SCRIPTS
from tests.client.conftest import nobody, oet, run
from tests.conftest import Server, serving
from tests.support.fake_oet import FakeOET

from ..support.person import Person
from ..support.provider import AUDIENCE, CLIENT, Provider

__all__ = ["nobody", "oet", "run"]

LIFETIME = 300


@contextlib.contextmanager
def providing(folder: Path) -> Iterator[Provider]:
    """A provider for a block."""
    provider = Provider(folder / "provider.log")
    try:
        yield provider.start()
    finally:
        provider.stop()


@pytest.fixture(scope="session")
def shared_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with providing(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def provider(shared_provider: Provider) -> Iterator[Provider]:
    """A provider that many tests use; tokens last five minutes."""
    yield shared_provider
    shared_provider.settings(access_token_ttl=LIFETIME)


@pytest.fixture
def own_provider(tmp_path: Path) -> Iterator[Provider]:
    """A provider for one test, which may stop it."""
    with providing(tmp_path) as provider:
        yield provider


@pytest.fixture
def guarded(oet: FakeOET, provider: Provider) -> FakeOET:
    """An OET that wants to know who is asking."""
    oet.demand_login(provider)
    return oet


class Browser:
    """What ``oet`` opens instead of a browser: does ``act`` with the link, and keeps the last page."""

    def __init__(self) -> None:
        self.act: Callable[[str], requests.Response | None] = Person("alice").visit
        self.pages: list[requests.Response] = []
        self.links: list[str] = []
        self.is_done = threading.Event()

    def open(self, link: str) -> bool:
        self.links.append(link)
        try:
            page = self.act(link)
            if page is not None:
                self.pages.append(page)
        finally:
            self.is_done.set()
        return True


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    """The browser of somebody who logs in as alice and allows everything."""
    found = Browser()
    monkeypatch.setattr(webbrowser, "open", found.open)
    return found


@pytest.fixture
def tokens_folder(tmp_path: Path) -> Path:
    """Where logins are kept."""
    return tmp_path / "state" / "oet" / "client" / "tokens"


@pytest.fixture(scope="module")
def issuing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider that may sign with other keys for a while."""
    with providing(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="module")
def demanding(issuing: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server that demands tokens."""
    state = tmp_path_factory.mktemp("oet") / "state"
    settings = {
        "OET_AUTH_ISSUER": issuing.issuer,
        "OET_AUTH_AUDIENCE": AUDIENCE,
        "OET_AUTH_CLIENT_ID": CLIENT,
        "SCRIPTS_LOCATION": PACKAGED_SCRIPTS,
    }
    with serving(state, **settings) as server:
        yield server

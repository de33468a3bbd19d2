"""A provider, and a server that accepts its tokens."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ..conftest import Server, serving
from ..support.issuer import AUDIENCE, Issuer


@contextlib.contextmanager
def guarded(state: Path, *issuers: Issuer, **settings: str) -> Iterator[Server]:
    """A server that accepts the tokens of these issuers."""
    urls = ",".join(issuer.url for issuer in issuers)
    with serving(state, OET_AUTH_ISSUER=urls, OET_AUTH_AUDIENCE=AUDIENCE, **settings) as server:
        yield server


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(server: Server, token: str, path: str = "/procedures") -> int:
    """What a request with this token is answered."""
    return requests.get(f"{server.url}{path}", headers=bearer(token), timeout=30).status_code


def log_in(server: Server, issuer: Issuer, **claims: Any) -> None:
    """Have the server's own session send a token that may do everything."""
    server.session.headers.update(bearer(issuer.token(scope="oet:execute", **claims)))


def commands_asked(server: Server) -> int:
    """How many commands have been on the bus, according to the journal."""
    with contextlib.closing(sqlite3.connect(server.state / "journal.db", timeout=10)) as database:
        topics = "topic LIKE 'request.%' AND topic != 'request.failed' OR topic LIKE 'operator.wait%'"
        return int(database.execute(f"SELECT count(*) FROM messages WHERE {topics}").fetchone()[0])


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    found = Issuer().start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def oet(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server shared by the tests of a module."""
    state = tmp_path_factory.mktemp("oet") / "state"
    with guarded(state, issuer, OET_AUTH_SUBARRAY_CLAIM="subarrays", OET_WARM_INTERPRETERS="0") as found:
        yield found


@pytest.fixture
def own_issuer() -> Iterator[Issuer]:
    """A provider for one test, which may harm it."""
    found = Issuer().start()
    yield found
    found.stop()

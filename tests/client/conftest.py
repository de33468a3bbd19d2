from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from ska_oso_oet_client.cli import main

from .fake_oet import FakeOET


class Result(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def oet(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOET]:
    """An OET that OET_URL points at."""
    server = FakeOET()
    monkeypatch.setenv("OET_URL", server.url)
    monkeypatch.setenv("TZ", "UTC")
    yield server
    server.close()


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run ``oet`` with these words."""

    def run_oet(*words: str) -> Result:
        status = main(words)
        out, err = capfd.readouterr()
        return Result(status, out, err)

    return run_oet

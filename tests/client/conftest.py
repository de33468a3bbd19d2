from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ska_oso_oet_client.cli import main

from ..support.fake_oet import FakeOET


class Result(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests has no login that they could use, or spoil."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for variable in ("OET_SUBARRAY_ID", "OET_TOKEN", "OET_CLIENT_ID", "OET_CLIENT_SECRET", "BROWSER"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def oet(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOET]:
    """An OET that OET_URL points at."""
    server = FakeOET()
    monkeypatch.setenv("OET_URL", server.url)
    monkeypatch.setenv("TZ", "UTC")
    yield server
    server.close()
    assert not server.mistakes


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run ``oet`` with these words."""

    def run_oet(*words: str) -> Result:
        status = main(words)
        out, err = capfd.readouterr()
        return Result(status, out, err)

    return run_oet

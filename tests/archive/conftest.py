"""Archives of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.activities.archive import exchange

from ..support.oda import Oda, serving_oda
from ..support.oso_services import OsoServices, serving_oso_services
from .entities import InFolder, OnOsoServices, OnServer


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further attempts follow soon, so that the tests are quick."""
    monkeypatch.setattr(exchange, "_PAUSE", 0.01)


@pytest.fixture
def oda() -> Iterator[Oda]:
    with serving_oda() as found:
        yield found


@pytest.fixture
def services() -> Iterator[OsoServices]:
    with serving_oso_services() as found:
        yield found


@pytest.fixture(params=["folder", "oso-services", "oda-rest"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Each archive, and a way to look into it."""
    if request.param == "folder":
        return InFolder(tmp_path / "an archive")
    if request.param == "oso-services":
        return OnOsoServices(request.getfixturevalue("services"), tmp_path / "here")
    return OnServer(request.getfixturevalue("oda"), tmp_path / "here")

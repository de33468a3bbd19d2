"""Archives of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ska_oso_oet.activities.archive import exchange

from ..support import postgresql
from ..support.oda import Oda, serving_oda
from ..support.oda_database import UNTIL_12, OdaDatabase, since_18
from ..support.oso_services import OsoServices, serving_oso_services
from .entities import InDatabase, InFolder, OnOsoServices, OnServer

LAYOUTS = {"postgresql-12": UNTIL_12, "postgresql-18": since_18("text")}


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


@pytest.fixture(params=["folder", "oso-services", "postgresql-12", "postgresql-18", "oda-rest"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Each archive, and a way to look into it."""
    if request.param == "folder":
        return InFolder(tmp_path / "an archive")
    if request.param in LAYOUTS:
        return InDatabase(OdaDatabase(postgresql.shared(), LAYOUTS[request.param]), tmp_path / "here")
    if request.param == "oso-services":
        return OnOsoServices(request.getfixturevalue("services"), tmp_path / "here")
    return OnServer(request.getfixturevalue("oda"), tmp_path / "here")

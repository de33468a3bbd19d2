from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..conftest import Server, serving
from .indexes import Index, serving_packages, wheel
from .projects import PASSWORD, PUBLIC, SKA_X, SKA_Y


@pytest.fixture(scope="module")
def private() -> Iterator[Index]:
    with serving_packages(SKA_X, SKA_Y, password=PASSWORD) as index:
        yield index


@pytest.fixture(scope="module")
def public() -> Iterator[Index]:
    """An index that everybody can write to: somebody has put higher versions of private packages there."""
    evil = [wheel(name, version, "EVIL") for name in ("ska-x", "ska-y") for version in ("1.0", "9.0")]
    with serving_packages(PUBLIC, wheel("missing", "1.0", "EVIL"), *evil) as index:
        yield index


@pytest.fixture(scope="module")
def server(private: Index, public: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("packages")
    netrc = folder / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login observer password {PASSWORD}\n")
    settings = {"OET_PIP_INDEX_URL": public.url, "OET_PIP_CREDENTIALS": str(netrc)}
    with serving(folder / "state", **settings) as made:
        yield made

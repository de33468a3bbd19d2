"""What can rot is generated: the pages made from the code are those that are checked in."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import tomllib

import ska_oso_oet
import ska_oso_oet_client
from docs.generate import MANUALS, OPENAPI, PAGES, openapi

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_says_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("folder", MANUALS)
def test_the_manual_pages_are_those_of_the_commands(folder: str) -> None:
    found = {file.name: file.read_text() for file in (ROOT / "docs" / folder).iterdir()}
    assert found == MANUALS[folder](), "run `make docs`"


def test_every_make_target_a_user_may_call_has_a_help_text() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    phony = next(line for line in lines if line.startswith(".PHONY:")).split()[1:]
    helped = {line.split(":")[0] for line in lines if ":" in line and "## " in line}
    assert set(phony) - helped == set()


def test_all_version_numbers_are_the_same() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    client = tomllib.loads((ROOT / "ska_oso_oet_client" / "pyproject.toml").read_text())["project"]["version"]
    needed = f"{ska_oso_oet_client.__name__} == {client}"
    assert needed in config["options"]["install_requires"].splitlines()
    changes = re.findall(r"^## (\d\S*?),", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    numbers = {
        config["metadata"]["version"],
        client,
        ska_oso_oet.__version__,
        ska_oso_oet_client.__version__,
        changes[0],
    }
    chart = (ROOT / "helm/ska-oso-oet/Chart.yaml").read_text()
    numbers |= set(re.findall(r"^(?:version|appVersion): (\S+)$", chart, re.MULTILINE))
    assert len(numbers) == 1


def test_the_openapi_document_that_is_shipped_is_what_the_routes_say_of_themselves() -> None:
    assert OPENAPI.read_text() == openapi()

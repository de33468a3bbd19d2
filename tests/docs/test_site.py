"""The site builds without a warning, its links lead somewhere, and it needs nothing from elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest

import ska_oso_oet_client
from ska_oso_oet_client.cli.settings import common_options

from ..client.test_documentation import COMMANDS
from .pages import DOCS


class Page(HTMLParser):
    """The anchors, links, and everything that a browser loads for one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value for key, value in attrs if value is not None}
        self.anchors |= {found[key] for key in ("id", "name") if key in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "link" and found.get("rel") != "canonical":
            self.loaded.append(found["href"])
        elif "src" in found:
            self.loaded.append(found["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Path, Page]:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-d", folder / "doctrees"]
    done = subprocess.run([*command, DOCS, folder / "html"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {path.resolve(): Page(path.read_text()) for path in (folder / "html").rglob("*.html")}


def test_every_link_within_the_site_leads_to_a_page_and_a_place_on_it(site: Mapping[Path, Page]) -> None:
    astray = []
    for path, page in site.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or link in ("#", ""):
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            there = target.exists() and (
                not address.fragment or unquote(address.fragment) in site[target].anchors
            )
            if not there:
                astray.append(f"{path.name}: {link}")
    assert not astray


def test_a_page_loads_nothing_from_elsewhere(site: Mapping[Path, Page]) -> None:
    for path, page in site.items():
        for resource in page.loaded:
            assert not urlsplit(resource).netloc, f"{path.name}: {resource}"
            assert (path.parent / urlsplit(resource).path).exists(), f"{path.name}: {resource}"


def test_every_public_name_of_the_client_is_described(site: Mapping[Path, Page]) -> None:
    page = next(page for path, page in site.items() if path.parts[-2:] == ("reference", "python.html"))
    public = {name for name in ska_oso_oet_client.__all__ if not name.startswith("_")}
    assert {name for name in public if f"ska_oso_oet_client.{name}" not in page.anchors} == set()


def test_every_command_and_option_is_described(site: Mapping[Path, Page]) -> None:
    page = next(page for path, page in site.items() if path.parts[-2:] == ("reference", "commands.html"))
    for path, command in COMMANDS.items():
        place = path.replace(" ", "-")
        assert place.replace("_", "-") in page.anchors
        own = {option.opts[0] for option in command.params if isinstance(option, click.Option)}
        common = {option.opts[0] for option in common_options()} if path != "oet" else set()
        for spelling in own - common:
            assert f"cmdoption-{place}-{spelling.removeprefix('--')}" in page.anchors

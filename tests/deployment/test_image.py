"""The image, built and run as an engine would: `docker build`, `docker run --read-only`, `docker exec`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from .container import Container, build
from .dockerfile import ROOT, stages
from .locks import pins

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1200),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    assert os.geteuid() == 0, "building the image as these tests do needs root"
    assert shutil.which("debootstrap"), "building the image needs debootstrap: run make test-long"
    folder = tmp_path_factory.mktemp("image")
    yield build(folder, VERSION="1.0.0", REVISION="abc")
    shutil.rmtree(folder)


@pytest.fixture
def container(image: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Container]:
    root, environment = image
    (tmp_path / "volume").mkdir()
    container = Container(root, environment, tmp_path / "volume", OET_AUTH="off")
    for line in container.output:
        if "is ready: " in line:
            break
    try:
        yield container
    finally:
        container.stop()


def test_it_runs_scripts_as_a_user_who_can_write_to_the_volume_only(container: Container) -> None:
    assert container.execute("id", "-u", "-n").stdout == "oet\n"
    for folder in ("/etc", "/opt/oet", "/run", "/var/tmp"):
        assert container.execute("touch", f"{folder}/file").returncode != 0
    assert container.execute("touch", "/tmp/file", "/var/lib/oet/file").returncode == 0
    done = container.execute("oet", "procedure", "run", "file://hello_world.py", "everybody")
    assert done.returncode == 0, done.stderr
    assert "Hello, everybody!" in done.stdout
    assert container.execute(*stages()[-1].words("HEALTHCHECK")).returncode == 0


def test_its_bill_of_materials_lists_every_package_in_it(container: Container) -> None:
    listing = "from importlib.metadata import *; print(*(f'{d.name}=={d.version}' for d in distributions()))"
    installed = container.execute("python", "-c", listing).stdout.split()
    bill = json.loads(container.execute("cat", "/opt/oet/sbom.cdx.json").stdout)
    assert sorted(f"{one['name']}=={one['version']}" for one in bill["components"]) == sorted(installed)
    locked = {(pin.name, pin.version) for pin in pins("server")}
    strangers = {
        (canonicalize_name(n), v) for n, _, v in (text.partition("==") for text in installed)
    } - locked
    assert {name for name, _ in strangers} == {"ska-oso-oet", "ska-oso-oet-client"}


def test_the_demonstration_runs_in_it(container: Container) -> None:
    first = Path(f"/proc/{container.first}/root")
    shutil.copytree(ROOT / "demo", first / "var/lib/oet/demo")
    shown = container.execute("sh", "demo/demo.sh", OET_HOST="127.0.0.1")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "obsState of subarray 1: ABORTED" in shown.stdout


def test_a_script_from_git_gets_an_environment_of_its_own(container: Container) -> None:
    assert container.execute("uv", "--version").returncode == 0
    script = (
        "git init -q -b main /tmp/project && cd /tmp/project && echo 'def main(): print(__file__)' > it.py"
        " && touch requirements.txt && git add . && git -c user.name=a -c user.email=a commit -q -m a"
    )
    assert container.execute("sh", "-ec", script).returncode == 0
    options = ("--git_repo=file:///tmp/project", "--git_branch=main", "--create_env=True")
    done = container.execute("oet", "procedure", "run", "git://it.py", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "/var/lib/oet/state/" in done.stdout


def test_it_stops_when_it_is_told_to_and_stops_what_runs(container: Container) -> None:
    options = ("--listen=False", "--seconds=60")
    assert container.execute("oet", "procedure", "create", "file://long_observation.py").returncode == 0
    assert container.execute("oet", "procedure", "start", *options).returncode == 0
    assert container.stop() == 0

"""Two distributions: a client that works alone, and a backend that brings the client along."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ..conftest import Server

ROOT = Path(__file__).parents[2]


def build(folder: Path, source: Path) -> Path:
    copy = folder / "source"
    others = (".venv", ".peers", ".git", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*others))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, copy], check=True
    )
    return next(folder.glob("*.whl"))


@pytest.mark.long
def test_the_wheel_of_the_client_drives_the_server_from_an_empty_environment(
    tmp_path: Path, server: Server
) -> None:
    wheel = build(tmp_path, ROOT / "ska_oso_oet_client")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    binary = tmp_path / "venv" / "bin"
    subprocess.run([binary / "pip", "install", "--quiet", wheel], check=True)
    environ = {"OET_URL": server.url, "PATH": os.defpath, "HOME": str(tmp_path)}
    done = subprocess.run(
        [binary / "oet", "procedure", "run", "file://prints.py", "1"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "line 0" in done.stdout
    subprocess.run([binary / "oet", "environment", "list"], env=environ, cwd=tmp_path, check=True)
    listed = subprocess.run([binary / "pip", "list"], capture_output=True, text=True, check=True).stdout
    for stranger in ("flask", "pypubsub", "pytango", "sqlalchemy"):
        assert stranger not in listed.lower()


def test_the_wheel_of_the_backend_holds_its_scripts_and_migrations_and_asks_for_the_client(
    tmp_path: Path,
) -> None:
    wheel = build(tmp_path, ROOT)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    for script in ("hello_world", "long_observation", "failing", "abort"):
        assert f"ska_oso_oet/scripts/{script}.py" in names
    for migration in ("journal/migrations/r0001_journal", "central/migrations/r0001_history"):
        assert f"ska_oso_oet/{migration}.py" in names
    assert not [n for n in names if n.startswith("ska_oso_oet_client/")]
    assert "Requires-Dist: ska_oso_oet_client==1.0.0" in metadata


@pytest.mark.parametrize(
    ("project", "pages"),
    [("ska_oso_oet_client", {"oet", "oet-procedure-start", "oet-wait_for_qa_ready"}), (".", {"oet-server"})],
)
def test_a_wheel_installs_manual_pages_where_man_looks(tmp_path: Path, project: str, pages: set[str]) -> None:
    with zipfile.ZipFile(build(tmp_path, ROOT / project)) as archive:
        found = {
            Path(name).stem: archive.read(name).decode()
            for name in archive.namelist()
            if ".data/data/share/man/man1/" in name
        }
    assert pages <= set(found)
    for text in found.values():
        assert text.startswith(".TH OET")
        assert ".SH SYNOPSIS\n" in text


def test_importing_the_client_loads_nothing_of_the_backend() -> None:
    code = (
        "import sys, ska_oso_oet_client\n"
        "found = {name.split('.')[0] for name in sys.modules}\n"
        "print(found & {'flask', 'pubsub', 'tango', 'ska_oso_oet', 'sqlalchemy'})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_workers_that_ask_no_server_load_no_library_for_it() -> None:
    code = (
        "import sys, ska_oso_oet.workers.activity, ska_oso_oet.workers.bus\n"
        "print({'opentelemetry', 'psycopg', 'requests'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

"""What can be known of the image without building it."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

from ska_oso_oet import __version__
from ska_oso_oet.settings import read_settings
from ska_oso_oet.settings.variables import VARIABLES
from ska_oso_oet_client.address import resolve

from .dockerfile import ROOT, expanded, sent_to_the_engine, sources, stages

_OF_THE_SYSTEM = {"PATH", "HOME"}


def test_a_linter_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_everything_that_is_copied_exists_and_is_sent_to_the_engine() -> None:
    names = [stage.name for stage in stages()]
    for stage in stages():
        for copy in stage.values("COPY"):
            other, paths, _ = sources(copy)
            assert other is None or other in names
            for path in paths if other is None else ():
                assert (ROOT / path).exists(), path
                assert sent_to_the_engine(Path(path)), path


def test_what_the_build_has_no_use_for_is_not_sent_to_the_engine() -> None:
    for path in (".git/config", ".venv/bin/python", "tests/conftest.py", "ska_oso_oet/__pycache__/x.pyc"):
        assert not sent_to_the_engine(Path(path)), path
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    sent = {Path(path).parts[0] for path in tracked.stdout.split() if sent_to_the_engine(Path(path))}
    assert sent == {
        *("README.md", "pyproject.toml", "setup.cfg", "setup.py"),
        *("ska_oso_oet", "ska_oso_oet_client", "requirements"),
    }


def test_every_package_is_a_locked_one_and_nothing_is_built_but_our_own() -> None:
    commands = [command.split() for command in " ".join(stages()[0].values("RUN")).split("&&")]
    installing = [words for words in commands if words[0].endswith("/pip") and "install" in words]
    assert installing
    for words in installing:
        ours = {"--no-deps", "--no-index"} <= set(words)
        assert ours or {"--require-hashes", "--only-binary", ":all:"} <= set(words), words
    assert not [value for value in stages()[1].values("RUN") if "pip" in value]


def test_the_start_command_is_a_program_of_the_backend() -> None:
    packaging = configparser.ConfigParser()
    packaging.read(ROOT / "setup.cfg")
    programs = packaging["options.entry_points"]["console_scripts"]
    (command,) = stages()[-1].words("CMD")
    assert command in [line.split("=")[0].strip() for line in programs.strip().splitlines()]


def test_every_variable_is_a_setting_and_none_of_them_says_who_may_command() -> None:
    given = stages()[-1].assignments("ENV")
    settings = {variable.name for variable in VARIABLES.values()}
    assert given.keys() <= settings | _OF_THE_SYSTEM | {"OET_URL"}
    read_settings(given)
    assert not [name for name in given if name.startswith("OET_AUTH")]


def test_without_a_word_on_who_may_command_it_does_not_start(tmp_path: Path) -> None:
    last = stages()[-1]
    found = last.assignments("ENV") | {"OET_STATE_DIR": str(tmp_path), "OET_PORT": "0"}
    environment = {**found, "PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
    done = subprocess.run(
        last.words("CMD"), env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "set OET_AUTH_ISSUER, or OET_AUTH=off" in done.stderr


def test_the_command_line_finds_the_server_of_its_own_container() -> None:
    given = stages()[-1].assignments("ENV")
    settings = read_settings(given)
    address = resolve(None, None, given)
    major = __version__.split(".")[0]
    base = f"/{settings.namespace}/oet/{settings.subarray_id}/api/v{major}"
    assert address.url == f"http://127.0.0.1:{settings.port}{base}"


def test_it_runs_as_a_numbered_user_and_writes_to_its_volume_only() -> None:
    last = stages()[-1]
    (user,) = last.values("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)  # a number, so that Kubernetes sees that it is not root
    (volume,) = last.values("VOLUME")
    given = last.assignments("ENV")
    assert given["HOME"] == volume
    assert Path(given["OET_STATE_DIR"]).is_relative_to(volume)
    assert last.values("EXPOSE") == [given["OET_PORT"]]


def test_the_labels_tell_version_and_revision() -> None:
    last = stages()[-1]
    labels = last.assignments("LABEL")
    arguments = {"VERSION": "1.2.3", "REVISION": "abc"}
    assert last.assignments("ARG").keys() == arguments.keys()
    told = {name.rpartition(".")[2]: expanded(value, arguments) for name, value in labels.items()}
    assert (told["version"], told["revision"], told["licenses"]) == ("1.2.3", "abc", "BSD-3-Clause")
    assert all(name.startswith("org.opencontainers.image.") for name in labels)

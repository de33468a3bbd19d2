"""What is installed for a project that is no package, and what a failure says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ..conftest import Server
from ..support.repositories import Repository

SCRIPT = (
    "import importlib.metadata, pubsub\n"
    "def main():\n"
    "    found = {d.metadata['Name'].lower() for d in importlib.metadata.distributions()}\n"
    "    print(*sorted(found & {'pypubsub', 'click', 'night', 'unknown'}))\n"
)
POETRY = (
    '[tool.poetry]\nname = "night"\nversion = "0.1"\ndescription = ""\nauthors = []\npackage-mode = false\n'
    '[tool.poetry.dependencies]\npython = ">=3.10,<3.13"\npypubsub = "^4.0"\n'
    '[tool.poetry.group.dev.dependencies]\nclick = "*"\n'
)
BACKEND = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
LOCK = (
    '[[package]]\nname = "pypubsub"\nversion = "4.0.7"\noptional = false\npython-versions = "*"\n'
    'groups = ["main"]\nfiles = [\n{file = "pypubsub-4.0.7-py3-none-any.whl", '
    'hash = "sha256:89c3e274e634fea19de881bb45152815d9c1aaa0120215f85200ba56843372f4"},\n]\n'
    '[metadata]\nlock-version = "2.1"\npython-versions = ">=3.10,<3.13"\n'
)
STANDARD = (
    '[project]\nname = "night"\nversion = "0.1"\nrequires-python = ">=3.10"\ndependencies = ["pypubsub"]\n'
)
GROUPS = '[dependency-groups]\ndev = ["click"]\nnight = ["click"]\n'
# Folders that setuptools cannot make a package of, as in most repositories of scripts.
FOLDERS = {"scripts/s.py": SCRIPT, "observing/__init__.py": "", "data/notes.py": ""}


def prepared(server: Server, path: Path, **files: str) -> int:
    repository = Repository(path)
    repository.commit({**FOLDERS, **files})
    return server.create_from_git("scripts/s.py", repository.url, create_env=True)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": POETRY + BACKEND},
        {"pyproject.toml": POETRY + BACKEND, "poetry.lock": LOCK},
        {"pyproject.toml": POETRY},
        {"pyproject.toml": STANDARD + GROUPS + BACKEND + "[tool.poetry]\npackage-mode = false\n"},
        {
            "pyproject.toml": STANDARD + GROUPS + BACKEND + "[tool.poetry]\npackage-mode = false\n",
            "poetry.lock": LOCK,
        },
        {"pyproject.toml": STANDARD + GROUPS + "[tool.uv]\npackage = false\n"},
        {"pyproject.toml": STANDARD + GROUPS + BACKEND + "[tool.uv]\npackage = false\n"},
        {"pyproject.toml": STANDARD + GROUPS + '[tool.uv]\ndefault-groups = ["night"]\n'},
        {"pyproject.toml": STANDARD + GROUPS},
        {"pyproject.toml": STANDARD.replace('"pypubsub"', ""), "requirements.txt": "pypubsub\n"},
        {"pyproject.toml": POETRY.replace("pypubsub", "#"), "requirements.txt": "pypubsub\n"},
    ],
    ids=[
        "poetry",
        "poetry with a lock",
        "poetry without a build system",
        "standard form, poetry",
        "standard form, poetry with a lock",
        "uv",
        "uv, with a build system",
        "uv without a build system",
        "no build system",
        "requirements and a description",
        "requirements and poetry",
    ],
)
def test_what_is_no_package_has_its_dependencies_installed_only(
    server: Server, tmp_path: Path, files: dict[str, str]
) -> None:
    pid = prepared(server, tmp_path / "r", **files)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid)
    assert server.ended(pid)["state"] == "COMPLETE", server.procedure(pid)["outcome"]
    assert server.output(pid, stream="stdout").splitlines()[-1] == "pypubsub"


def test_a_project_without_a_build_system_that_can_be_built_is_installed(
    server: Server, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "r")
    script = "import observing\ndef main(): print(observing.VALUE)\n"
    repository.commit(
        {"pyproject.toml": STANDARD, "observing/__init__.py": "VALUE = 41\n", "scripts/s.py": script}
    )
    pid = server.create_from_git("scripts/s.py", repository.url, create_env=True)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid)
    server.ended(pid)
    assert server.output(pid, stream="stdout").splitlines()[-1] == "41"


def detail_of(server: Server, path: Path, **files: str) -> str:
    found = server.ended(prepared(server, path, **files), timeout=100)
    assert found["outcome"]["reason"] == "environment_error"
    return str(found["outcome"]["detail"])


def test_a_build_that_fails_is_told_by_the_line_that_decides(server: Server, tmp_path: Path) -> None:
    build = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    detail = detail_of(server, tmp_path / "folders", **{"pyproject.toml": STANDARD + build})
    lines = detail.splitlines()
    assert lines[0].endswith("could not be made: error: Failed to build `night @ the project`")
    assert any("error: Multiple top-level packages discovered in a flat-layout" in line for line in lines)
    assert len(lines) <= 16

    raises = (
        "def deep(n):\n    if n:\n        deep(n - 1)\n    raise RuntimeError('no antenna here')\ndeep(30)\n"
    )
    detail = detail_of(server, tmp_path / "raises", **{"setup.py": raises})
    assert "RuntimeError: no antenna here" in detail
    assert len(detail.splitlines()) <= 16


def test_versions_that_exclude_each_other_are_told_with_all_that_uv_concludes(
    server: Server, tmp_path: Path
) -> None:
    pins = '"click==8.1.7", "flask==3.1.0", "werkzeug==1.0"'
    detail = detail_of(server, tmp_path / "r", **{"pyproject.toml": STANDARD.replace('"pypubsub"', pins)})
    assert "Because flask==3.1.0 depends on werkzeug>=3.1 and night depends on flask==3.1.0" in detail
    assert "night depends on werkzeug==1.0" in detail
    assert "your requirements are unsatisfiable" in detail
    assert len(detail.splitlines()) <= 4


@pytest.mark.parametrize(
    ("pyproject", "wanted"),
    [
        (STANDARD.replace(">=3.10", ">=3.99"), ">=3.99"),
        (POETRY.replace(">=3.10,<3.13", "^2.7"), "^2.7"),
    ],
)
def test_a_project_for_another_python_is_refused(
    server: Server, tmp_path: Path, pyproject: str, wanted: str
) -> None:
    here = ".".join(map(str, sys.version_info[:3]))
    detail = detail_of(server, tmp_path / "r", **{"pyproject.toml": pyproject})
    assert detail.startswith(f"the project needs Python {wanted}, and the server has {here}; change")


def test_a_manifest_that_cannot_be_read_is_named(server: Server, tmp_path: Path) -> None:
    detail = detail_of(server, tmp_path / "r", **{"pyproject.toml": "[project\n"})
    assert detail.startswith("pyproject.toml of the project cannot be read: ")


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[tool]\npoetry = 3\n"},
        {"pyproject.toml": POETRY, "poetry.lock": "[[package]]\ngroups = ['main']\n"},
        {"pyproject.toml": POETRY, "poetry.lock": "package = 'pypubsub'\n"},
        {"pyproject.toml": "[project]\nrequires-python = 'soon'\n"},
    ],
)
def test_a_manifest_of_another_shape_is_refused_with_one_sentence(
    server: Server, tmp_path: Path, files: dict[str, str]
) -> None:
    detail = detail_of(server, tmp_path / "r", **files)
    assert "is not valid" in detail or detail.startswith("pyproject.toml cannot be used: ")
    assert "\n" not in detail

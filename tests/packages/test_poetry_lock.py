"""A poetry.lock: each package comes from the source it names, with the hash it must have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..conftest import Server
from ..support.repositories import Repository
from .indexes import Index, digest, wheel
from .projects import HEAD, MAIN, PUBLIC, PYPROJECT, SCRIPT, SKA_X, SKA_Y, entry, failure, lock, sees, source


def test_a_locked_package_comes_from_its_own_index_and_no_other_is_asked_for_it(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    private.asked.clear()
    public.asked.clear()
    files = {"pyproject.toml": PYPROJECT + source(private, priority="explicit"), "poetry.lock": lock(private)}
    found = sees(server, tmp_path, "ska_x", "ska_y", "pub", **files)
    assert found == ["ska_x private", "ska_y private", "pub public"]
    assert set(private.asked) == {"ska-x", "ska-y"}
    assert set(public.asked) == {"pub"}


def test_a_package_is_built_though_the_private_index_does_not_have_what_builds_it(
    server: Server, private: Index, tmp_path: Path
) -> None:
    pyproject = PYPROJECT.replace("package-mode = false\n", "")
    pyproject += source(private) + (
        '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
    )
    files = {
        "pyproject.toml": pyproject,
        "poetry.lock": lock(private),
        "night/__init__.py": "VALUE = 'itself'\n",
    }
    found = sees(server, tmp_path, "night", "ska_x", "pub", **files)
    assert found == ["night itself", "ska_x private", "pub public"]


def test_a_file_that_has_not_the_hash_of_the_lock_is_refused(
    server: Server, private: Index, tmp_path: Path
) -> None:
    files = {
        "pyproject.toml": PYPROJECT + source(private),
        "poetry.lock": entry("ska-y", "1.0", wheel("ska-y", "1.0", "as it was"), private, MAIN),
    }
    detail = failure(server, tmp_path, **files)
    assert "Hash mismatch for `ska-y==1.0`" in detail
    assert f"ska-y is taken from {private.url} only" in detail


def test_a_locked_package_that_its_index_does_not_have_is_sought_nowhere_else(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    public.asked.clear()
    files = {
        "pyproject.toml": PYPROJECT + source(private),
        "poetry.lock": entry("missing", "1.0", wheel("missing", "1.0", "x"), private, MAIN),
    }
    detail = failure(server, tmp_path, **files)
    assert "missing was not found" in detail
    assert f"missing is taken from {private.url} only" in detail
    assert public.asked == []


@pytest.mark.parametrize("older", [True, False], ids=["1.1", "2.0"])
def test_a_lock_of_poetry_1_is_followed_from_what_the_project_needs(
    server: Server, private: Index, tmp_path: Path, older: bool
) -> None:
    old = 'category = "main"' if older else ""
    needs_y = '[package.dependencies]\nska-y = {version = ">=1.0", markers = "python_version >= \'3.0\'"}'
    needs_more = (
        'not-here = {version = "*", markers = "sys_platform == \'win32\'"}\n'
        'extra-y = {version = "*", optional = true, markers = "extra == \'fast\'"}\n'
        'extra-z = {version = "*", optional = true, markers = "extra == \'slow\'"}\n'
        '[package.extras]\nfast = ["extra-y"]\nslow = ["extra-z"]'
    )
    extra = wheel("extra-y", "2.0", "extra")
    private.add(extra)
    packages = [
        ("pub", "0.9", wheel("pub", "0.9", "old"), None, ""),
        ("pub", "1.0", PUBLIC, None, ""),
        ("ska-x", "1.0", SKA_X, private, f"{needs_y}\n{needs_more}"),
        ("ska-y", "1.0", SKA_Y, private, ""),
        ("extra-y", "2.0", extra, private, ""),
        ("extra-z", "1.0", PUBLIC, private, ""),
        ("not-here", "1.0", PUBLIC, private, ""),
        ("pytest", "0.0.1", PUBLIC, private, ""),
    ]
    text = "".join(
        entry(name, version, None if older else file, index, f"{old}\n{more}")
        for name, version, file, index, more in packages
    )
    if older:
        hashes: dict[str, list[str]] = {}
        for name, _, file, _, _ in packages:
            hashes.setdefault(name, []).append(f'{{file = "{file[0]}", hash = "{digest(file)}"}}')
        text += "[metadata]\n[metadata.files]\n"
        text += "".join(f"{name} = [{', '.join(known)}]\n" for name, known in hashes.items())
    pyproject = HEAD + (
        '[tool.poetry.dependencies]\npython = ">=3.10"\n'
        'pub = [{version = "<1", python = "<3.8"}, {version = "^1.0", python = ">=3.8"}]\n'
        'ska-x = {version = "^1.0", source = "skao", extras = ["fast"]}\n'
        'extra-z = {version = "*", optional = true}\n'
        '[tool.poetry.group.dev.dependencies]\npytest = "*"\n'
    )
    files = {"pyproject.toml": pyproject + source(private, priority="explicit"), "poetry.lock": text}
    found = sees(server, tmp_path, "ska_x", "ska_y", "pub", "extra_y", **files)
    assert found == ["ska_x private", "ska_y private", "pub public", "extra_y extra"]


def test_a_lock_that_does_not_fit_the_project_says_what_to_do(
    server: Server, private: Index, tmp_path: Path
) -> None:
    files = {"pyproject.toml": PYPROJECT + source(private), "poetry.lock": entry("pub", "1.0", PUBLIC)}
    assert failure(server, tmp_path, **files) == (
        "poetry.lock has no ska-x >=1.0,<2.0, which the project needs; run 'poetry lock' and commit the file"
    )


def test_other_sources_of_a_lock_work_beside_a_private_index(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    by_git = Repository(tmp_path / "by-git")
    module = "from setuptools import setup\nsetup(name='by-git', version='1.0', py_modules=['by_git'])\n"
    commit = by_git.commit({"sub/setup.py": module, "sub/by_git.py": "VALUE = 'git'\n"})
    by_git.commit({"sub/by_git.py": "VALUE = 'git, moved on'\n"})
    by_url, by_file = wheel("by-url", "1.0", "url"), wheel("by-file", "1.0", "file")
    public.add(by_url)
    address = f"{public.url.removesuffix('/simple')}/files/{by_url[0]}"
    packages = (
        entry("ska-y", "1.0", SKA_Y, private, MAIN)
        + entry("by-url", "1.0", by_url, more=MAIN)
        + f'[package.source]\ntype = "url"\nurl = "{address}"\n'
        + entry("by-git", "1.0", more=f"files = []\n{MAIN}")
        + f'[package.source]\ntype = "git"\nurl = "{by_git.url}"\nreference = "main"\n'
        + f'resolved_reference = "{commit}"\nsubdirectory = "sub"\n'
        + entry("by-folder", "1.0", more=f"files = []\n{MAIN}")
        + '[package.source]\ntype = "directory"\nurl = "libs/folder"\n'
        + entry("by-file", "1.0", by_file, more=MAIN)
        + f'[package.source]\ntype = "file"\nurl = "libs/{by_file[0]}"\n'
    )
    wheels = tmp_path / "repository"
    repository = Repository(wheels)
    (wheels / "libs").mkdir()
    (wheels / "libs" / by_file[0]).write_bytes(by_file[1])
    folder = module.replace("by-git", "by-folder").replace("by_git", "by_folder")
    repository.commit(
        {
            "s.py": SCRIPT,
            "pyproject.toml": HEAD + source(private),
            "poetry.lock": packages,
            "libs/folder/setup.py": folder,
            "libs/folder/by_folder.py": "VALUE = 'folder'\n",
        }
    )
    pid = server.create_from_git("s.py", repository.url, create_env=True)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid, "ska_y", "by_url", "by_git", "by_folder", "by_file")
    assert server.ended(pid)["state"] == "COMPLETE", server.procedure(pid)["outcome"]
    found = server.output(pid, stream="stdout").splitlines()[-5:]
    assert found == ["ska_y private", "by_url url", "by_git git", "by_folder folder", "by_file file"]

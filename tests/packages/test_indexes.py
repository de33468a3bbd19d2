"""Indexes that a project names for pip or uv, those of the server, and its passwords."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..conftest import Server, serving
from ..support.repositories import Repository
from .indexes import Index, digest, serving_packages, source_archive, wheel
from .projects import MAIN, PASSWORD, PYPROJECT, SCRIPT, SKA_X, SKA_Y, entry, failure, lock, sees, source


def test_a_password_is_nowhere_but_in_its_file(server: Server, private: Index, tmp_path: Path) -> None:
    spies = (
        "import os\n"
        "VALUE = sorted(name for name in os.environ if name in ('NETRC', 'UV_INDEX', 'UV_DEFAULT_INDEX'))\n"
    )
    files = {"pyproject.toml": PYPROJECT + source(private), "poetry.lock": lock(private), "spies.py": spies}
    assert sees(server, tmp_path, "spies", **files) == ["spies []"]
    files["poetry.lock"] = entry("missing", "1.0", SKA_X, private, MAIN)
    failure(server, tmp_path / "failing", **files)
    for file in server.state.rglob("*"):
        if file.is_file() and not file.is_symlink():
            assert PASSWORD.encode() not in file.read_bytes(), file


def test_an_index_that_refuses_the_server_is_named(private: Index, public: Index, tmp_path: Path) -> None:
    files = {"pyproject.toml": PYPROJECT + source(private), "poetry.lock": lock(private)}
    with serving(tmp_path / "state", OET_PIP_INDEX_URL=public.url) as server:
        detail = failure(server, tmp_path, **files)
        assert f"An index URL ({private.url}) could not be queried" in detail
        assert "401 Unauthorized" in detail
    with serving(tmp_path / "other", OET_PIP_CREDENTIALS="/no/netrc") as server:
        detail = failure(server, tmp_path / "again", **files)
        assert detail == "/no/netrc, which OET_PIP_CREDENTIALS names, cannot be read by the server"


# -- settings of pip and uv, and of the server -------------------------------------------------------

NEEDS = '[project]\nname = "night"\nversion = "1"\ndependencies = ["ska-y", "pub"]\n'
BOTH = ["ska_y private", "pub public"]


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "--extra-index-url {private}\nska-y\npub\n"},
        {"requirements.txt": "-r more.txt\npub\n", "more.txt": "--extra-index-url={private}\nska-y==1.0\n"},
        {"pyproject.toml": NEEDS + '[[tool.uv.index]]\nurl = "{private}"\n'},
        {
            "pyproject.toml": NEEDS + '[[tool.uv.index]]\nname = "skao"\nurl = "{private}"\nexplicit = true\n'
            '[tool.uv.sources]\nska-y = {{ index = "skao" }}\n'
        },
        {"pyproject.toml": NEEDS + '[tool.uv]\nextra-index-url = ["{private}"]\n'},
        {"pyproject.toml": NEEDS, "uv.toml": '[[index]]\nurl = "{private}"\n'},
        {
            "pyproject.toml": NEEDS + "[tool.uv]\n",
            "uv.toml": 'index-url = "{public}"\nextra-index-url = ["{private}"]\n',
        },
        {"requirements.txt": "ska-y\npub\n", "uv.toml": '[[index]]\nurl = "{private}"\n'},
    ],
    ids=range(8),
)
def test_the_indexes_a_project_names_for_pip_or_uv_are_used(
    server: Server, private: Index, public: Index, tmp_path: Path, files: dict[str, str]
) -> None:
    written = {name: text.format(private=private.url, public=public.url) for name, text in files.items()}
    assert sees(server, tmp_path, "ska_y", "pub", **written) == BOTH


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "--index-url {private}\nska-y\n"},
        {"requirements.txt": "-r more.txt\n", "more.txt": "-i {private}\nska-y\n"},
        {"pyproject.toml": NEEDS.replace(', "pub"', "") + '[tool.uv]\nindex-url = "{private}"\n'},
        {
            "pyproject.toml": NEEDS.replace(', "pub"', ""),
            "uv.toml": '[[index]]\nurl = "{private}"\ndefault = true\n',
        },
    ],
    ids=range(4),
)
def test_an_index_that_a_project_has_instead_of_the_public_one_goes_before_the_servers(
    server: Server, private: Index, public: Index, tmp_path: Path, files: dict[str, str]
) -> None:
    public.asked.clear()
    written = {name: text.format(private=private.url) for name, text in files.items()}
    assert sees(server, tmp_path, "ska_y", **written) == ["ska_y private"]
    assert public.asked == []


def test_files_beside_the_project_are_found(server: Server, tmp_path: Path) -> None:
    name, content = wheel("beside", "1.0", "links")
    repository = Repository(tmp_path / "r")
    (repository.path / "wheels").mkdir()
    (repository.path / "wheels" / name).write_bytes(content)
    repository.commit({"s.py": SCRIPT, "requirements.txt": "--find-links ./wheels\nbeside\npub\n"})
    pid = server.create_from_git("s.py", repository.url, create_env=True)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid, "beside")
    assert server.ended(pid)["state"] == "COMPLETE"
    assert server.output(pid, stream="stdout").splitlines()[-1] == "beside links"


def test_the_servers_further_indexes_go_before_the_public_one(
    private: Index, public: Index, tmp_path: Path
) -> None:
    built = source_archive("built", "1.0", "from source")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login observer password {PASSWORD}\n")
    with serving_packages(built) as third:
        settings = {
            "OET_PIP_INDEX_URL": public.url,
            "OET_PIP_EXTRA_INDEX_URL": f"{private.url} {third.url}",
            "OET_PIP_CREDENTIALS": str(netrc),
        }
        with serving(tmp_path / "state", **settings) as server:
            files = {"requirements.txt": "ska-x\npub\nbuilt\n"}
            found = sees(server, tmp_path, "ska_x", "ska_y", "pub", "built", **files)
            assert found == ["ska_x private", "ska_y private", "pub public", "built from source"]


@pytest.mark.long
def test_a_lock_of_uv_is_followed_and_its_hashes_are_checked(
    server: Server, private: Index, tmp_path: Path
) -> None:
    hashed = digest(SKA_Y)
    pyproject = '[project]\nname = "night"\nversion = "1"\nrequires-python = ">=3.11"\n'
    pyproject += 'dependencies = ["ska-y"]\n[tool.uv]\npackage = false\n'
    pyproject += f'[[tool.uv.index]]\nurl = "{private.url}"\n'
    address = f"{private.url.removesuffix('/simple')}/files/{SKA_Y[0]}"
    text = (
        'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'
        '[[package]]\nname = "night"\nversion = "1"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "ska-y" }]\n'
        f'[package.metadata]\nrequires-dist = [{{ name = "ska-y" }}]\n'
        f'[[package]]\nname = "ska-y"\nversion = "1.0"\nsource = {{ registry = "{private.url}" }}\n'
        f'wheels = [{{ url = "{address}", hash = "{hashed}" }}]\n'
    )
    files = {"pyproject.toml": pyproject, "uv.lock": text}
    assert sees(server, tmp_path, "ska_y", **files) == ["ska_y private"]
    files["uv.lock"] = text.replace(hashed, f"sha256:{'0' * 64}")
    assert "Hash mismatch for `ska-y==1.0`" in failure(server, tmp_path / "again", **files)

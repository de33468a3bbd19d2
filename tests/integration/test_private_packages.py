"""Private package indexes: each package comes from the index it belongs to, with the hash it must have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Server, serving
from ..indexes import Index, digest, serving_packages, source_archive, wheel
from ..repositories import Repository

SCRIPT = (
    "import importlib\n"
    "def main(*names):\n"
    "    for name in names:\n"
    "        print(name, importlib.import_module(name).VALUE)\n"
)
SKA_X = wheel("ska-x", "1.0", "private", ("ska-y>=1.0",))
SKA_Y = wheel("ska-y", "1.0", "private")
PUBLIC = wheel("pub", "1.0", "public")
PASSWORD = "sesame-x7"
HEAD = (
    '[tool.poetry]\nname = "night"\nversion = "0.1"\ndescription = ""\nauthors = []\npackage-mode = false\n'
)


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


def create(server: Server, folder: Path, **files: str) -> int:
    repository = Repository(folder / "repository")
    repository.commit({"s.py": SCRIPT, **files})
    return server.create_from_git("s.py", repository.url, create_env=True)


def sees(server: Server, folder: Path, *names: str, **files: str) -> list[str]:
    """Where these modules come from, in the environment of a repository with these files."""
    pid = create(server, folder, **files)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid, *names)
    assert server.ended(pid)["state"] == "COMPLETE", server.procedure(pid)["outcome"]
    return server.output(pid, stream="stdout").splitlines()[-len(names) :]


def failure(server: Server, folder: Path, **files: str) -> str:
    """Why the environment of a repository with these files cannot be made."""
    found = server.ended(create(server, folder, **files), timeout=100)
    assert found["outcome"]["reason"] == "environment_error", found["outcome"]
    return str(found["outcome"]["detail"])


def source(index: Index, **more: str) -> str:
    extra = "".join(f'{key} = "{value}"\n' for key, value in more.items())
    return f'[[tool.poetry.source]]\nname = "skao"\nurl = "{index.url}"\n{extra}'


def entry(
    name: str, version: str, file: tuple[str, bytes] | None = None, index: Index | None = None, more: str = ""
) -> str:
    """One package of a poetry.lock; ``more`` is what else there is to say."""
    hashes = f'files = [{{file = "{file[0]}", hash = "{digest(file)}"}}]\n' if file else ""
    told = f'[[package]]\nname = "{name}"\nversion = "{version}"\noptional = false\n{hashes}{more}\n'
    if index:
        told += f'[package.source]\ntype = "legacy"\nurl = "{index.url}"\nreference = "skao"\n'
    return told


MAIN = 'groups = ["main"]'


def lock(private: Index) -> str:
    return (
        entry("pub", "1.0", PUBLIC, more=MAIN)
        + entry("ska-x", "1.0", SKA_X, private, MAIN)
        + entry("ska-y", "1.0", SKA_Y, private, MAIN)
        + entry("not-there", "1.0", PUBLIC, private, 'groups = ["dev"]')
        + entry("not-here", "1.0", PUBLIC, private, MAIN + "\nmarkers = \"sys_platform == 'win32'\"")
        + '[metadata]\nlock-version = "2.1"\n'
    )


PYPROJECT = HEAD + (
    '[tool.poetry.dependencies]\npython = ">=3.10"\npub = "^1.0"\n'
    'ska-x = {version = "^1.0", source = "skao"}\n'
)


# -- poetry, with a lock -----------------------------------------------------------------------------


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


# -- poetry, without a lock --------------------------------------------------------------------------


def test_without_a_lock_a_source_binds_a_package_and_priorities_hold_for_the_others(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    public.asked.clear()
    pyproject = (
        PYPROJECT + 'ska-y = {version = "*", source = "skao"}\n' + source(private, priority="explicit")
    )
    found = sees(server, tmp_path, "ska_x", "ska_y", "pub", **{"pyproject.toml": pyproject})
    assert found == ["ska_x private", "ska_y private", "pub public"]
    assert set(public.asked) == {"pub"}


@pytest.mark.parametrize(
    ("more", "and_pypi"),
    [({"priority": "supplemental"}, False), ({"priority": "primary"}, True), ({}, True)],
)
def test_what_is_bound_to_no_source_is_taken_from_a_private_index_that_has_it(
    server: Server, private: Index, tmp_path: Path, more: dict[str, str], and_pypi: bool
) -> None:
    pypi = '[[tool.poetry.source]]\nname = "PyPI"\npriority = "primary"\n' if and_pypi else ""
    pyproject = PYPROJECT + pypi + source(private, **more)
    found = sees(server, tmp_path, "ska_x", "ska_y", "pub", **{"pyproject.toml": pyproject})
    assert found == ["ska_x private", "ska_y private", "pub public"]


def test_a_primary_source_replaces_the_public_index(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    public.asked.clear()
    detail = failure(server, tmp_path, **{"pyproject.toml": PYPROJECT + source(private)})
    assert "pub was not found" in detail
    assert public.asked == []


def test_a_package_its_source_does_not_have_is_sought_nowhere_else(
    server: Server, private: Index, public: Index, tmp_path: Path
) -> None:
    public.asked.clear()
    needs = '[tool.poetry.dependencies]\nmissing = {version = "*", source = "skao"}\n'
    pyproject = HEAD + needs + source(private, priority="explicit")
    detail = failure(server, tmp_path, **{"pyproject.toml": pyproject})
    assert "missing was not found" in detail
    assert "missing" not in public.asked


def test_a_project_in_the_standard_form_may_bind_packages_by_poetry(
    server: Server, private: Index, tmp_path: Path
) -> None:
    pyproject = (
        '[project]\nname = "night"\nversion = "1"\ndependencies = ["ska-x>=1", "ska-y"]\n'
        '[project.optional-dependencies]\nmore = ["not-there"]\n'
        '[dependency-groups]\ndev = ["not-there"]\n'
        '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
        "[tool.poetry]\npackage-mode = false\n"
        '[tool.poetry.dependencies]\nska-x = {source = "skao"}\nska-y = {source = "skao"}\n'
    )
    files = {"pyproject.toml": pyproject + source(private, priority="explicit")}
    assert sees(server, tmp_path, "ska_x", **files) == ["ska_x private"]


@pytest.mark.parametrize(
    ("dependency", "sources", "sentence"),
    [
        ('{version = "*", source = "skoa"}', True, "'skoa', which is not among [[tool.poetry.source]]"),
        ('"^1 || ^3"', True, "run 'poetry lock' and commit the file"),
        ('{version = "*", source = "skao"}', False, "source 'skao' in pyproject.toml needs the url"),
        ('{version = "soon"}', True, "pyproject.toml cannot be used: "),
    ],
)
def test_a_project_that_cannot_be_understood_is_told_what_is_wrong(
    server: Server, private: Index, tmp_path: Path, dependency: str, sources: bool, sentence: str
) -> None:
    known = source(private) if sources else '[[tool.poetry.source]]\nname = "skao"\n'
    pyproject = f"{HEAD}[tool.poetry.dependencies]\nska-x = {dependency}\n{known}"
    detail = failure(server, tmp_path, **{"pyproject.toml": pyproject})
    assert sentence in detail
    assert "\n" not in detail


# -- credentials -------------------------------------------------------------------------------------


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

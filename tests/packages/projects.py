"""Projects that need private packages, and what a script sees of these."""

from __future__ import annotations

from pathlib import Path

from ..conftest import Server
from ..support.repositories import Repository
from .indexes import Index, digest, wheel

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

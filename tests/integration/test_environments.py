"""Environments of scripts: a project's own dependencies, under its own interpreter, made once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ..conftest import Events, Server, serving, until
from ..support.repositories import Repository

BUILD = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
PROJECT = BUILD + '[project]\nname = "observing"\nversion = "1.0"\ndependencies = [{dependencies}]\n'
PACKAGE = '[tool.setuptools]\npackages = ["observing"]\n'
SEES = (
    "import importlib.metadata, importlib.util, sys\n"
    "def main(*names):\n"
    "    for name in names:\n"
    "        try:\n"
    "            print(name, importlib.metadata.version(name))\n"
    "        except importlib.metadata.PackageNotFoundError:\n"
    "            print(name, importlib.util.find_spec(name))\n"
    "    print(sys.prefix)\n"
)
# Stops in the middle of its build, where the file beside it says so.
SLOW_SETUP = (
    "import os, time\nfrom setuptools import setup\n"
    "while os.path.exists({flag!r}):\n"
    "    open({flag!r} + '-reached', 'w').close()\n"
    "    time.sleep(0.05)\n"
    "setup(name='observing', version='1.0', py_modules=[])\n"
)


def project(path: Path, dependencies: str = "", **files: str) -> Repository:
    """A repository with a Python project and the script ``sees.py``."""
    made = Repository(path)
    pyproject = PROJECT.format(dependencies=dependencies) + PACKAGE
    made.commit(
        {"pyproject.toml": pyproject, "observing/__init__.py": "VALUE = 41\n", "sees.py": SEES, **files}
    )
    return made


def sees(server: Server, repository: Repository, *names: str, script: str = "sees.py") -> list[str]:
    """Which versions of these distributions a script sees, and where its environment is."""
    pid = server.create_from_git(script, repository.url, create_env=True)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid, *names)
    assert server.ended(pid)["state"] == "COMPLETE", server.procedure(pid)["outcome"]
    printed = server.output(pid, stream="stdout").splitlines()
    return printed[-len(names) - 1 :]


def kept(server: Server) -> list[dict[str, Any]]:
    return [one for one in server.get("/environments") if one["kind"] == "environment"]


def built(server: Server, pid: int) -> bool:
    return "Building the environment" in server.output(pid)


def test_a_script_sees_its_own_dependencies_and_nothing_of_the_servers(
    server: Server, tmp_path: Path
) -> None:
    repository = project(tmp_path / "r", '"click==8.1.7"')
    click, flask, own, prefix = sees(server, repository, "click", "flask", "observing")
    assert click == "click 8.1.7"
    assert flask == "flask None"
    assert own == "observing 1.0"
    assert prefix != sys.prefix
    assert prefix.startswith(str(server.state / "environments"))
    assert sees(server, repository, "ska_oso_oet.settings", "pubsub", "git") == [
        "ska_oso_oet.settings None",
        "pubsub None",
        "git None",
        prefix,
    ]
    assert len(kept(server)) == 1


def test_pytango_is_lent_where_the_project_has_none(server: Server, tmp_path: Path) -> None:
    repository = project(
        tmp_path / "r",
        **{"uses.py": "import tango\ndef main():\n    print(tango.__version__)\n    print(tango.__file__)\n"},
    )
    version, place = sees(server, repository, script="uses.py") and _last_output(server)
    assert version == _version_here("pytango")
    assert place.startswith(str(server.state / "environments"))


def test_the_library_for_observing_scripts_is_lent_too_and_nothing_else_of_the_server(
    server: Server, tmp_path: Path
) -> None:
    observes = (
        "import sys\n"
        "from ska_oso_oet.telescope.observation import observe\n"
        "from ska_oso_oet.telescope.subarray import SubArray\n"
        "def main():\n"
        "    ours = [name for name in sys.modules if name.startswith('ska_oso_oet.')]\n"
        "    print(min(ours))\n"
        "    print(all(name.startswith('ska_oso_oet.telescope') for name in ours))\n"
    )
    repository = project(tmp_path / "r", **{"observes.py": observes})
    assert sees(server, repository, script="observes.py")
    assert _last_output(server) == ["ska_oso_oet.telescope", "True"]


def _last_output(server: Server) -> list[str]:
    return server.output(server.get("/procedures")[-1]["id"], stream="stdout").splitlines()[-2:]


def _version_here(name: str) -> str:
    asks = f"import importlib.metadata as m; print(m.version({name!r}))"
    return subprocess.run(
        [sys.executable, "-c", asks], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_messages_init_and_arguments_work_in_an_environment(server: Server, tmp_path: Path) -> None:
    script = (
        "from pubsub import pub\n"
        "import multiprocessing, observing\n"
        "def init(subarray_id):\n    global main\n    main = lambda *a, **k: work(subarray_id, *a, **k)\n"
        "def work(*args, context, **kwargs):\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(args, kwargs['name'], pool.map(abs, [-observing.VALUE]))\n"
        "    pub.sendMessage('user.script.announce', msg='done')\n"
        "main = None.__class__\n"
    )
    repository = project(tmp_path / "r", '"pypubsub"', **{"work.py": script})
    events = Events(server, topics="user")
    body = {
        "script": {
            "script_type": "git",
            "script_uri": "git://work.py",
            "create_env": True,
            "git_args": {"git_repo": repository.url},
        },
        "script_args": {"init": {"kwargs": {"subarray_id": 3}}},
    }
    pid = server.request("POST", "/procedures", json=body).json()["id"]
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid, "bob", name=1)
    found = server.ended(pid)
    assert found["state"] == "COMPLETE", found
    assert server.output(pid).splitlines()[-1] == "(3, 'bob') 1 [41]"
    assert events.wait(lambda e: e["topic"] == "user.script.announce")["msg"] == "done"
    events.close()


def test_a_script_in_an_environment_dies_like_any_other(server: Server, tmp_path: Path) -> None:
    stubborn = (
        "import os, signal, subprocess, sys, time\n"
        "def main():\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "    subprocess.Popen(sleep, start_new_session=True)\n"
        "    print('up', flush=True)\n"
        "    while True:\n        time.sleep(1)\n"
    )
    segfaults = "import ctypes\ndef main():\n    ctypes.string_at(0)\n"
    repository = project(tmp_path / "r", **{"stubborn.py": stubborn, "segfaults.py": segfaults})
    pid = server.create_from_git("stubborn.py", repository.url, create_env=True)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid)
    until(lambda: "up" in server.output(pid))
    running = [p for p in psutil.process_iter() if str(server.state / "environments") in " ".join(_words(p))]
    assert len(running) >= 2
    assert server.stop_script(pid)["survivors"] == 0
    assert not [p for p in running if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    pid = server.create_from_git("segfaults.py", repository.url, create_env=True)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid)
    outcome = server.ended(pid)["outcome"]
    assert (outcome["reason"], outcome["signal"]) == ("killed", signal.SIGSEGV)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.long
def test_a_package_that_needs_compiling_is_compiled(server: Server, tmp_path: Path) -> None:
    source = (
        "#include <Python.h>\n"
        'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", NULL, -1, NULL};\n'
        "PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }\n"
    )
    setup = (
        "from setuptools import Extension, setup\n"
        "setup(name='observing', version='2.0', ext_modules=[Extension('fast', ['fast.c'])])\n"
    )
    repository = Repository(tmp_path / "r")
    repository.commit({"setup.py": setup, "fast.c": source, "sees.py": "import fast\n" + SEES})
    assert sees(server, repository, "observing")[0] == "observing 2.0"


@pytest.mark.long
def test_lock_files_are_followed(server: Server, tmp_path: Path) -> None:
    poetry = '[[package]]\nname = "click"\nversion = "8.1.6"\ngroups = ["main"]\n'
    by_poetry = project(tmp_path / "poetry", '"click"', **{"poetry.lock": poetry})
    assert sees(server, by_poetry, "click")[0] == "click 8.1.6"

    by_requirements = project(tmp_path / "requirements", '"click"', **{"requirements.txt": "click==8.1.5\n"})
    assert sees(server, by_requirements, "click", "observing")[:2] == ["click 8.1.5", "observing 1.0"]

    alone = Repository(tmp_path / "alone")
    alone.commit({"requirements.txt": "click==8.1.4\n", "sees.py": SEES})
    assert sees(server, alone, "click")[0] == "click 8.1.4"

    by_uv = project(tmp_path / "uv", '"click"')
    uv = str(Path(sys.executable).parent / "uv")
    pyproject = (by_uv.path / "pyproject.toml").read_text()
    (by_uv.path / "pyproject.toml").write_text(pyproject.replace('"click"', '"click==8.1.3"'))
    subprocess.run([uv, "lock", "--quiet", "--python", sys.executable], cwd=by_uv.path, check=True)
    (by_uv.path / "pyproject.toml").write_text(pyproject)
    by_uv.commit({})
    assert sees(server, by_uv, "click", "observing")[:2] == ["click 8.1.3", "observing 1.0"]


def test_the_interpreter_is_the_servers_whatever_the_project_prefers(server: Server, tmp_path: Path) -> None:
    repository = project(tmp_path / "r", '"click"')
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "lock", "--quiet", "--python", sys.executable], cwd=repository.path, check=True)
    repository.commit({".python-version": "3.99\n"})
    assert sees(server, repository, "observing")[0] == "observing 1.0"


@pytest.mark.long
def test_packages_installed_where_their_source_is_are_found(server: Server, tmp_path: Path) -> None:
    repository = project(
        tmp_path / "r",
        **{
            "requirements.txt": "-e ./lib\n",
            "lib/setup.py": "from setuptools import setup\nsetup(name='sub', py_modules=['sub'])\n",
            "lib/sub.py": "VALUE = 5\n",
            "uses.py": "import sub\ndef main():\n    print(sub.VALUE)\n    print(sub.__file__)\n",
        },
    )
    assert sees(server, repository, script="uses.py")
    assert _last_output(server)[0] == "5"


def test_settings_of_tools_make_no_project(server: Server, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    tools = {"pyproject.toml": "[tool.black]\nline-length = 99\n", "setup.cfg": "[flake8]\n"}
    repository.commit(
        {**tools, "requirements.txt": "click==8.1.4\n", "sees.py": SEES, "a/b.py": "", "c/d.py": ""}
    )
    assert sees(server, repository, "click")[0] == "click 8.1.4"


def test_a_poetry_lock_holds_for_this_platform_only(server: Server, tmp_path: Path) -> None:
    entry = '[[package]]\nname = "{}"\nversion = "{}"\ngroups = ["main"]\nmarkers = "{}"\n'
    lock = (
        entry.format("click", "8.0.4", "python_version < '3.0'")
        + entry.format("click", "8.1.3", "python_version >= '3.0'")
        + entry.format("pywin32", "306", "sys_platform == 'win32'")
    )
    alone = Repository(tmp_path / "alone")
    pyproject = "[tool.poetry]\npackage-mode = false\n"
    alone.commit({"pyproject.toml": pyproject, "poetry.lock": lock, "sees.py": SEES})
    assert sees(server, alone, "click")[0] == "click 8.1.3"
    package = project(tmp_path / "package", '"click"', **{"poetry.lock": lock})
    assert sees(server, package, "click")[0] == "click 8.1.3"


def test_a_new_commit_has_an_environment_of_its_own(server: Server, tmp_path: Path) -> None:
    repository = project(tmp_path / "r", '"click==8.1.7"')
    _, first = sees(server, repository, "click")
    repository.commit({"pyproject.toml": PROJECT.format(dependencies='"click==8.1.3"') + PACKAGE})
    click, second = sees(server, repository, "click")
    assert click == "click 8.1.3"
    assert first != second


# -- shared, stopped, failed -------------------------------------------------------------------------


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[Repository, Path]]:
    """A project whose build waits for as long as a file is there; a second file says that it has begun."""
    flag = tmp_path / "flag"
    flag.touch()
    repository = Repository(tmp_path / "slow")
    repository.commit({"setup.py": SLOW_SETUP.format(flag=str(flag)), "sees.py": SEES})
    yield repository, flag


def reached(flag: Path) -> bool:
    return Path(f"{flag}-reached").exists()


def leftovers(server: Server) -> list[str]:
    folder = server.state / "environments"
    return [name for name in os.listdir(folder) if not name.endswith((".lock", ".failed"))]


def test_two_that_need_the_same_share_one_build(new_server: Server, slow: tuple[Repository, Path]) -> None:
    repository, flag = slow
    pids = [new_server.create_from_git("sees.py", repository.url, create_env=True) for _ in range(2)]
    until(lambda: reached(flag), 60)
    until(lambda: any("Waiting for another procedure" in new_server.output(pid) for pid in pids))
    flag.unlink()
    for pid in pids:
        new_server.wait_state(pid, "READY", timeout=100)
    assert sorted(built(new_server, pid) for pid in pids) == [False, True]
    (environment,) = kept(new_server)
    refused = new_server.request("DELETE", f"/environments/{environment['id']}")
    assert refused.status_code == 409


def test_a_stop_in_the_middle_of_a_build_leaves_nothing(
    new_server: Server, slow: tuple[Repository, Path]
) -> None:
    repository, flag = slow
    pid = new_server.create_from_git("sees.py", repository.url, create_env=True)
    until(lambda: reached(flag), 60)
    assert new_server.procedure(pid)["state"] == "PREP_ENV"
    assert new_server.stop_script(pid)["survivors"] == 0
    assert new_server.procedure(pid)["state"] == "STOPPED"
    assert leftovers(new_server) == []
    assert not [p for p in psutil.process_iter() if str(new_server.state) in " ".join(_words(p))]


def test_a_build_goes_on_when_the_service_is_killed(
    new_server: Server, slow: tuple[Repository, Path]
) -> None:
    repository, flag = slow
    pid = new_server.create_from_git("sees.py", repository.url, create_env=True)
    until(lambda: reached(flag), 60)
    new_server.kill("ses")
    new_server.ready()
    flag.unlink()
    new_server.wait_state(pid, "READY", timeout=100)


def test_a_build_whose_supervisor_is_killed_is_made_again(
    new_server: Server, slow: tuple[Repository, Path]
) -> None:
    repository, flag = slow
    pid = new_server.create_from_git("sees.py", repository.url, create_env=True)
    until(lambda: reached(flag), 60)
    (supervisor,) = [p for p in new_server.processes() if p.name() == f"oet-super-{pid}"]
    supervisor.kill()
    assert new_server.ended(pid)["outcome"]["reason"] == "lost"
    flag.unlink()
    pid = new_server.create_from_git("sees.py", repository.url, create_env=True)
    new_server.wait_state(pid, "READY", timeout=100)
    assert all(not name.endswith(".making") for name in leftovers(new_server))


def test_a_failed_build_tells_the_installers_words_leaves_nothing_and_is_tried_again(
    new_server: Server, tmp_path: Path
) -> None:
    flag = tmp_path / "broken"
    flag.touch()
    setup = (
        "import os, sys\nfrom setuptools import setup\n"
        f"if os.path.exists({str(flag)!r}):\n    sys.exit('there is no antenna here')\n"
        "setup(name='observing', version='1.0', py_modules=[])\n"
    )
    repository = Repository(tmp_path / "r")
    repository.commit({"setup.py": setup, "sees.py": SEES})
    pid = new_server.create_from_git("sees.py", repository.url, create_env=True)
    found = new_server.ended(pid, timeout=100)
    assert found["outcome"]["reason"] == "environment_error"
    assert "there is no antenna here" in found["outcome"]["detail"]
    assert "there is no antenna here" in new_server.output(pid)
    assert leftovers(new_server) == []
    flag.unlink()
    pid = new_server.create_from_git("sees.py", repository.url, create_env=True)
    new_server.wait_state(pid, "READY", timeout=100)


def test_a_dependency_that_does_not_exist_is_named(server: Server, tmp_path: Path) -> None:
    repository = project(tmp_path / "r", '"click==0.0.99"')
    found = server.ended(server.create_from_git("sees.py", repository.url, create_env=True), timeout=100)
    assert found["outcome"]["reason"] == "environment_error"
    assert "click==0.0.99" in found["outcome"]["detail"]


@pytest.mark.long
def test_a_disk_that_fills_in_the_middle_of_a_build_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    large = Repository(tmp_path / "large")
    large.commit({"setup.py": "from setuptools import setup\nsetup(name='x')\n", "sees.py": SEES})
    (large.path / "data").write_bytes(os.urandom(14 * 2**20))
    large.commit({})
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], check=True)
        try:
            with serving(Path(folder) / "state") as server:
                pid = server.create_from_git("sees.py", large.url, create_env=True)
                outcome = server.ended(pid, timeout=100)["outcome"]
                assert outcome["reason"] == "environment_error", outcome
                assert "o space left" in outcome["detail"]
                assert leftovers(server) == []
                assert server.procedure(pid)["state"] == "FAILED"
                assert {one["kind"] for one in server.get("/environments")} == {"tree", "mirror"}
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def test_without_create_env_it_runs_in_the_default_environment(server: Server, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.commit({"where.py": "import sys\ndef main():\n    print(sys.prefix)\n"})
    pid = server.create_from_git("where.py", repository.url)
    server.wait_state(pid, "READY")
    server.start_main(pid)
    server.ended(pid)
    assert server.output(pid, stream="stdout").splitlines()[-1] == sys.prefix

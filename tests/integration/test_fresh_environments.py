"""Environments that are made anew: what moved is taken as it is now, and nobody else is disturbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..conftest import Server, until
from ..support.activities import Activities, Blocks
from ..support.repositories import Repository

SETUP = "from setuptools import setup\nsetup(name='moving', version='1.0', py_modules=['moving', 'later'])\n"
SCRIPT = (
    "import os, sys, time, moving\n"
    "def main(gate=None):\n"
    "    while gate and not os.path.exists(gate):\n        time.sleep(0.02)\n"
    "    import later\n"
    "    print(moving.VALUE, later.VALUE, sys.prefix)\n"
)


def version(repository: Repository, text: str) -> None:
    repository.commit(
        {"setup.py": SETUP, "moving.py": f"VALUE = {text!r}\n", "later.py": f"VALUE = {text!r}\n"}
    )


def moving(tmp_path: Path) -> tuple[Repository, Repository]:
    """A repository of scripts, and one that it depends on without saying which commit."""
    depended = Repository(tmp_path / "moving")
    version(depended, "old")
    scripts = Repository(tmp_path / "scripts")
    scripts.commit({"s.py": SCRIPT, "requirements.txt": f"moving @ git+{depended.url}@main\n"})
    return scripts, depended


def create(server: Server, repository: Repository, create_env: bool | str) -> int:
    git_args = {"git_repo": repository.url}
    script = {
        "script_type": "git",
        "script_uri": "git://s.py",
        "create_env": create_env,
        "git_args": git_args,
    }
    answer = server.request("POST", "/procedures", json={"script": script})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def result(server: Server, pid: int) -> list[str]:
    assert server.ended(pid)["state"] == "COMPLETE", server.procedure(pid)["outcome"]
    return server.output(pid, stream="stdout").splitlines()[-1].split()


def run(server: Server, repository: Repository, create_env: bool | str) -> list[str]:
    pid = create(server, repository, create_env)
    server.wait_state(pid, "READY", timeout=100)
    server.start_main(pid)
    return result(server, pid)


def kept(server: Server) -> list[dict[str, Any]]:
    return [one for one in server.get("/environments") if one["kind"] == "environment"]


def test_what_moved_is_taken_as_it_is_now_and_from_then_on(new_server: Server, tmp_path: Path) -> None:
    scripts, depended = moving(tmp_path)
    first = run(new_server, scripts, True)
    version(depended, "new")
    assert run(new_server, scripts, True) == first
    fresh = run(new_server, scripts, "fresh")
    assert fresh[:2] == ["new", "new"]
    assert fresh[2] != first[2]
    assert new_server.get("/procedures")[-1]["script"]["create_env"] == "fresh"
    assert run(new_server, scripts, True) == fresh
    version(depended, "newest")
    assert run(new_server, scripts, "fresh")[:2] == ["newest", "newest"]
    assert len(kept(new_server)) == 1


def test_a_run_in_the_old_environment_goes_on_undisturbed(new_server: Server, tmp_path: Path) -> None:
    scripts, depended = moving(tmp_path)
    gate = tmp_path / "gate"
    running = create(new_server, scripts, True)
    new_server.wait_state(running, "READY", timeout=100)
    new_server.start_main(running, gate=str(gate))
    version(depended, "new")
    pid = create(new_server, scripts, "fresh")
    new_server.wait_state(pid, "READY", timeout=100)
    assert len(kept(new_server)) == 2
    gate.touch()
    assert result(new_server, running)[:2] == ["old", "old"]
    new_server.start_main(pid)
    assert result(new_server, pid)[:2] == ["new", "new"]


def test_one_that_cannot_be_made_anew_leaves_the_one_there_is(new_server: Server, tmp_path: Path) -> None:
    scripts, depended = moving(tmp_path)
    first = run(new_server, scripts, True)
    depended.commit({"setup.py": "raise RuntimeError('no antenna here')\n"})
    found = new_server.ended(create(new_server, scripts, "fresh"), timeout=100)
    assert found["outcome"]["reason"] == "environment_error"
    assert "no antenna here" in found["outcome"]["detail"]
    assert run(new_server, scripts, True) == first


def test_the_first_environment_of_all_may_be_a_fresh_one(new_server: Server, tmp_path: Path) -> None:
    scripts, _ = moving(tmp_path)
    fresh = run(new_server, scripts, "fresh")
    assert run(new_server, scripts, True) == fresh
    (environment,) = kept(new_server)
    until(lambda: new_server.request("DELETE", f"/environments/{environment['id']}").ok)
    assert kept(new_server) == []


def test_an_activity_may_have_its_environment_made_anew(new_server: Server, tmp_path: Path) -> None:
    scripts, depended = moving(tmp_path)
    activities = Activities(new_server)
    sbd_id = Blocks(new_server).add(
        "sbd-moving", {"observe": {"kind": "git", "repo": scripts.url, "path": "s.py"}}
    )
    for create_env, told in ((True, "old"), (True, "old"), ("fresh", "new")):
        activity = activities.run(sbd_id, create_env=create_env)
        assert activity["create_env"] == create_env
        assert activities.ended(activity["id"], timeout=100)["state"] == "COMPLETE"
        assert result(new_server, activity["procedure_id"])[0] == told
        version(depended, "new")
    refused = activities.post(sbd_id, create_env="stale")
    assert refused.status_code == 422
    assert "create_env" in refused.text

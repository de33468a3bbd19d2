"""Scripts from git: exactly the commit that was asked for, or a clear no."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ska_oso_oet.preparation.address_guard import Host
from ska_oso_oet.preparation.git_process import run_git
from ska_oso_oet.preparation.git_settings import pinned

from ..conftest import Events, Server, serving, until
from ..support.repositories import Repository, hanging, prints, redirecting, serving_over_http


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.commit({"scripts/a.py": prints("first")})
    return made


def run(server: Server, script: str, url: str, **git_args: Any) -> str:
    """Run a script to its end; returns the last line it printed."""
    pid = server.create_from_git(script, url, **git_args)
    server.wait_state(pid, "READY")
    server.start_main(pid)
    assert server.ended(pid)["state"] == "COMPLETE"
    return server.output(pid).splitlines()[-1]


def failure(server: Server, script: str, url: str, **git_args: Any) -> dict[str, Any]:
    """The outcome of a script that cannot be had."""
    found = server.ended(server.create_from_git(script, url, **git_args))
    assert found["state"] == "FAILED"
    outcome: dict[str, Any] = found["outcome"]
    return outcome


def test_branch_tag_commit_and_abbreviation_are_run_exactly(server: Server, repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "-a", "v1", "-m", "release")
    second = repository.commit({"scripts/a.py": prints("second")})
    repository.git("switch", "--quiet", "--create", "feature/x")
    third = repository.commit({"scripts/a.py": prints("third")})
    for git_args, text, commit in (
        ({"git_branch": "main"}, "second", second),
        ({"git_branch": "feature/x"}, "third", third),
        ({"git_branch": "v1"}, "first", first),
        ({"git_commit": second}, "second", second),
        ({"git_commit": first[:8]}, "first", first),
        ({"git_commit": third[:7].upper(), "git_branch": "main"}, "third", third),
    ):
        assert run(server, "scripts/a.py", repository.url, **git_args) == text, git_args
        newest = server.get("/procedures")[-1]
        assert newest["script"]["git_args"]["resolved_commit"] == commit
        spec = json.loads((server.state / "runs" / str(newest["id"]) / "spec.json").read_text())
        assert spec["script"]["git_args"]["resolved_commit"] == commit


def test_its_states_and_its_commit_are_told_as_events(server: Server, repository: Repository) -> None:
    events = Events(server)
    pid = server.create_from_git("scripts/a.py", repository.url)
    ready = events.wait(lambda e: e["topic"] == "procedure.lifecycle.ready" and e["msg_src"] == "SESWorker")
    assert [state for state, _ in ready["result"]["history"]["process_states"]] == [
        "CREATING",
        "IDLE",
        "PREP_ENV",
        "IDLE",
        "LOADING",
        "IDLE",
        "READY",
    ]
    resolved = events.wait(lambda e: e["topic"] == "procedure.lifecycle.resolved")
    events.close()
    assert resolved["pid"] == pid
    assert resolved["resolved_commit"] == repository.git("rev-parse", "HEAD")


def test_a_push_followed_by_create_runs_the_new_commit(server: Server, repository: Repository) -> None:
    assert run(server, "scripts/a.py", repository.url, git_branch="main") == "first"
    repository.commit({"scripts/a.py": prints("fixed")})
    assert run(server, "scripts/a.py", repository.url, git_branch="main") == "fixed"
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    repository.commit({"scripts/a.py": prints("rewritten")})  # a push by force
    assert run(server, "scripts/a.py", repository.url, git_branch="main") == "rewritten"


def git_args_of_newest(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/procedures")[-1]["script"]["git_args"]
    return found


def test_without_a_branch_it_is_the_default_branch_whatever_others_are_called(
    server: Server, tmp_path: Path
) -> None:
    old = Repository(tmp_path / "old", branch="master")
    old.commit({"a.py": prints("master")})
    assert run(server, "a.py", old.url) == "master"
    old.git("switch", "--quiet", "--create", "trunk")
    old.commit({"a.py": prints("trunk")})
    assert run(server, "a.py", old.url) == "trunk"
    told = git_args_of_newest(server)
    assert (told["git_branch"], told["resolved_branch"]) == (None, "trunk")
    assert run(server, "a.py", old.url, git_branch="master") == "master"
    assert run(server, "a.py", old.url, git_branch="") == "trunk"


def test_master_means_the_default_branch_where_there_is_no_master(
    server: Server, repository: Repository
) -> None:
    assert run(server, "scripts/a.py", repository.url, git_branch="master") == "first"
    told = git_args_of_newest(server)
    assert (told["git_branch"], told["resolved_branch"]) == ("master", "main")


def test_a_repository_whose_head_is_on_no_branch_runs_what_its_head_is(
    server: Server, repository: Repository
) -> None:
    repository.git("switch", "--quiet", "--detach")
    detached = repository.commit({"scripts/a.py": prints("detached")})
    assert run(server, "scripts/a.py", repository.url) == "detached"
    told = git_args_of_newest(server)
    assert (told["resolved_commit"], told["resolved_branch"]) == (detached, None)


def test_a_repository_without_a_default_branch_is_told_to_name_one(
    server: Server, repository: Repository
) -> None:
    repository.git("symbolic-ref", "HEAD", "refs/heads/gone")
    outcome = failure(server, "scripts/a.py", repository.url)
    assert outcome["detail"] == (
        f"repository {repository.url} has no default branch; name one with git_branch"
    )
    assert run(server, "scripts/a.py", repository.url, git_branch="main") == "first"


def test_a_path_with_a_slash_after_the_prefix_names_the_same_file(
    server: Server, repository: Repository
) -> None:
    for path in ("/scripts/a.py", "//scripts//a.py"):
        assert run(server, path, repository.url) == "first"


def test_what_does_not_exist_fails_each_time_and_nothing_else_runs(
    server: Server, repository: Repository
) -> None:
    run(server, "scripts/a.py", repository.url)
    before = len(server.get("/environments"))
    for _ in range(2):
        outcome = failure(server, "scripts/a.py", repository.url, git_branch="no/such")
        assert outcome["reason"] == "environment_error"
        assert outcome["detail"].startswith(
            f"repository {repository.url} has no branch or tag no/such; check git_branch"
        )
        outcome = failure(server, "scripts/a.py", repository.url, git_commit="abcdef0123")
        assert outcome["detail"].startswith(
            f"repository {repository.url} has no commit abcdef0123; check git_commit"
        )
        outcome = failure(server, "scripts/a.py", repository.url, git_commit="ab" * 20)
        assert outcome["detail"].startswith(
            f"repository {repository.url} has no commit {'ab' * 20}; check git_commit"
        )
        outcome = failure(server, "scripts/nothing.py", repository.url)
        assert outcome["reason"] == "load_error"
        assert "has no file scripts/nothing.py at commit" in outcome["detail"]
        outcome = failure(server, "a.py", f"{repository.url}-away")
        assert outcome["reason"] == "environment_error"
        assert f"{repository.path}-away" in outcome["detail"]
    mirror_of_nothing = 1
    assert len(server.get("/environments")) == before + mirror_of_nothing
    assert run(server, "scripts/a.py", repository.url) == "first"


def test_a_branch_that_was_deleted_is_not_run_from_memory(server: Server, repository: Repository) -> None:
    repository.git("branch", "short-lived")
    run(server, "scripts/a.py", repository.url, git_branch="short-lived")
    repository.git("branch", "-D", "short-lived")
    outcome = failure(server, "scripts/a.py", repository.url, git_branch="short-lived")
    assert "has no branch or tag short-lived" in outcome["detail"]


def test_a_branch_may_take_the_place_of_a_folder_of_branches(server: Server, repository: Repository) -> None:
    repository.git("branch", "fix")
    run(server, "scripts/a.py", repository.url, git_branch="fix")
    repository.git("branch", "-D", "fix")
    repository.git("branch", "fix/x")
    assert run(server, "scripts/a.py", repository.url, git_branch="fix/x") == "first"
    repository.git("branch", "-D", "fix/x")
    repository.git("branch", "fix")
    assert run(server, "scripts/a.py", repository.url, git_branch="fix") == "first"


def test_a_script_that_changes_its_work_tree_changes_it_for_nobody_else(
    server: Server, repository: Repository
) -> None:
    writes = (
        "import conf, os, pathlib\n"
        "def main():\n"
        "    here = pathlib.Path(__file__).parent\n"
        "    (here / 'conf.py').write_text('V = 666666\\n')\n"
        "    (here / 'json.py').write_text('raise SystemExit(3)\\n')\n"
        "    print(conf.V)\n"
    )
    commit = repository.commit({"w.py": writes, "conf.py": "V = 1\n"})
    for _ in range(2):
        assert run(server, "w.py", repository.url, git_commit=commit) == "1"
    (tree,) = (found.parent for found in (server.state / "git" / "trees").glob("*/w.py"))
    (tree / ".git" / "index.lock").touch()  # as one that was killed in the middle of this leaves it
    assert run(server, "w.py", repository.url, git_commit=commit) == "1"


def test_a_shallow_repository_and_a_tag_of_no_commit(
    server: Server, repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"b": ""})
    repository.git("clone", "--quiet", "--depth", "1", repository.url, str(tmp_path / "shallow"))
    assert run(server, "scripts/a.py", f"file://{tmp_path}/shallow") == "first"
    repository.git("tag", "blob", repository.git("rev-parse", "HEAD:b"))
    outcome = failure(server, "scripts/a.py", repository.url, git_branch="blob")
    told = f"tag blob of repository {repository.url} does not lead to a commit; name another one"
    assert outcome["detail"] == told


def test_an_ambiguous_abbreviation_is_refused(server: Server, repository: Repository) -> None:
    seen: dict[str, str] = {}
    while True:  # a pair with the same four digits comes after some hundred commits
        tree = repository.git("rev-parse", "HEAD^{tree}")
        commit = repository.git("commit-tree", tree, "-p", "HEAD", "-m", str(len(seen)))
        if commit[:4] in seen:
            break
        seen[commit[:4]] = commit
    repository.git("branch", "one", seen[commit[:4]])
    repository.git("branch", "two", commit)
    outcome = failure(server, "scripts/a.py", repository.url, git_commit=commit[:4])
    assert "is ambiguous" in outcome["detail"]


def test_repositories_with_the_same_commit_are_told_apart(
    server: Server, repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"where.py": "def main():\n    print(__file__)\n"})
    twin = tmp_path / "twin"
    shutil.copytree(repository.path, twin)
    commit = repository.git("rev-parse", "HEAD")
    places = {run(server, "where.py", url, git_commit=commit) for url in (repository.url, f"file://{twin}")}
    assert len(places) == 2


def test_a_link_out_of_the_repository_is_not_followed(server: Server, repository: Repository) -> None:
    (repository.path / "leak.py").symlink_to("/etc/passwd")
    (repository.path / "up").symlink_to("../..")
    repository.commit({})
    for script in ("leak.py", "up/leak.py"):
        outcome = failure(server, script, repository.url)
        assert outcome["reason"] == "load_error"
        assert "leads out of repository" in outcome["detail"]


def test_scripts_beside_it_can_be_imported(server: Server, repository: Repository) -> None:
    repository.commit(
        {"s/main.py": "import beside\ndef main():\n    print(beside.VALUE)\n", "s/beside.py": "VALUE = 7\n"}
    )
    assert run(server, "s/main.py", repository.url) == "7"


def test_a_module_of_the_script_may_be_called_like_a_tool_of_the_server(
    server: Server, repository: Repository
) -> None:
    repository.commit({"uses.py": "import git\ndef main():\n    print(git.VALUE)\n", "git.py": "VALUE = 8\n"})
    assert run(server, "uses.py", repository.url) == "8"


# -- what a repository must not do -------------------------------------------------------------------


def test_nothing_of_a_repository_or_of_git_is_executed(tmp_path: Path, repository: Repository) -> None:
    traces = tmp_path / "traces"
    traces.mkdir()
    hooks = tmp_path / "templates" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {traces}/{name}\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[init]\n templateDir = {tmp_path}/templates\n[core]\n hooksPath = {hooks}\n"
        '[submodule]\n recurse = true\n[filter "lfs"]\n'
        f" smudge = touch {traces}/filter\n required = true\n"
    )
    elsewhere = Repository(tmp_path / "elsewhere")
    elsewhere.commit({"a.py": prints("x")})
    repository.commit(
        {
            ".gitattributes": "*.py filter=lfs\n",
            ".gitmodules": f'[submodule "m"]\n path = m\n url = {elsewhere.url}\n',
        }
    )
    with serving(tmp_path / "state", GIT_CONFIG_GLOBAL=str(config)) as server:
        assert run(server, "scripts/a.py", repository.url) == "first"
        (tree,) = (server.state / "git" / "trees").glob("*/")
        assert not (tree / "m").exists() or not os.listdir(tree / "m")
    assert os.listdir(traces) == []


def test_repositories_that_are_not_allowed_are_422(tmp_path: Path, repository: Repository) -> None:
    settings = {"OET_GIT_ALLOWED": "https://good.org/team,file://", "OET_SCRIPT_PATHS": f"{tmp_path}/allowed"}
    with serving(tmp_path / "state", **settings) as server:
        for url in (
            "https://good.org.evil.com/team/x",
            "https://good.org/teammates/x",
            "http://good.org/team/x",
            "git@good.org:team/x",
            repository.url,
        ):
            script = {"script_type": "git", "script_uri": "git://a.py", "git_args": {"git_repo": url}}
            answer = server.request("POST", "/procedures", json={"script": script})
            assert answer.status_code == 422, (url, answer.text)
            assert url in answer.json()["detail"]
        assert server.get("/procedures") == []
        (tmp_path / "allowed").mkdir()
        (tmp_path / "allowed" / "link").symlink_to(repository.path)
        (tmp_path / "allowed" / "names").mkdir()
        (tmp_path / "allowed" / "names" / ".git").write_text(f"gitdir: {repository.path}/.git\n")
        (tmp_path / "allowed" / "bare.git").symlink_to(repository.path)
        for name in ("link", "%6cink", "names", "bare"):
            script["git_args"] = {"git_repo": f"file://{tmp_path}/allowed/{name}"}
            answer = server.request("POST", "/procedures", json={"script": script})
            assert answer.status_code == 422, name
            assert "outside the folders" in answer.json()["detail"]


@pytest.mark.parametrize("allowed", ["all", "http://,git://,ssh://"])
def test_addresses_that_only_this_machine_reaches_are_422_where_the_list_does_not_name_them(
    tmp_path: Path, repository: Repository, allowed: str
) -> None:
    asked = threading.Event()
    with serving_over_http(repository.path.parent, asked=asked) as base:
        port = base.rpartition(":")[2]
        with serving(tmp_path / "state", OET_GIT_ALLOWED=allowed) as server:
            for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "0.0.0.0"):
                for url in (
                    f"http://{host}:{port}/repository/.git",
                    f"git://{host}/a",
                    f"ssh://git@{host}/a",
                ):
                    script = {"script_type": "git", "script_uri": "git://a.py", "git_args": {"git_repo": url}}
                    answer = server.request("POST", "/procedures", json={"script": script})
                    assert answer.status_code == 422, (url, answer.text)
                    assert "contacted only if OET_GIT_ALLOWED names the host" in answer.json()["detail"]
            assert server.get("/procedures") == []
        assert not asked.is_set()
        with serving(tmp_path / "other", OET_GIT_ALLOWED=f"{allowed},{base}/") as server:
            assert run(server, "scripts/a.py", f"{base}/repository/.git") == "first"


def test_a_name_that_leads_elsewhere_by_the_time_of_the_fetch_is_asked_where_it_led(
    tmp_path: Path, repository: Repository
) -> None:
    with serving_over_http(tmp_path) as base:
        port = int(base.rpartition(":")[2])
        host = Host("http", "git.example.invalid", port, ("127.0.0.1",))  # as if DNS had said so before
        url = f"http://git.example.invalid:{port}/repository/.git"
        asking = ["ls-remote", url, "HEAD"]
        assert run_git(asking, at="/", deadline=30, settings=pinned(host)).status == 0
        assert run_git(asking, at="/", deadline=30).status != 0


def test_a_name_that_leads_nowhere_is_not_looked_up_again(tmp_path: Path, repository: Repository) -> None:
    asked = threading.Event()
    with serving_over_http(tmp_path, asked=asked) as base:
        port = int(base.rpartition(":")[2])
        host = Host("http", "localhost", port, ())  # as if DNS had known nothing of it before
        asking = ["ls-remote", f"http://localhost:{port}/repository/.git", "HEAD"]
        told = run_git(asking, at="/", deadline=30, settings=pinned(host))
        assert (told.status, asked.is_set()) == (128, False)
        assert "Failed to connect" in told.err


# -- over the network --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_address_it_names_is_told(
    tmp_path: Path, repository: Repository, status: int
) -> None:
    asked = threading.Event()
    with serving_over_http(tmp_path, asked=asked) as inside:
        with redirecting(inside, status) as outside:
            with serving(tmp_path / "state", OET_GIT_ALLOWED=f"{outside}/") as server:
                url = f"{outside}/repository/.git"
                told = f"{inside}/repository/.git, which is not followed; give that as git_repo"
                outcome = failure(server, "scripts/a.py", url)
                assert outcome["detail"] == f"repository {url} redirects to {told}"
    assert not asked.is_set()


def test_a_private_repository_is_read_with_the_servers_credentials(
    tmp_path: Path, repository: Repository
) -> None:
    password = "open-sesame-0815"
    with serving_over_http(tmp_path, password) as base:
        url = f"{base}/repository/.git"
        credentials = tmp_path / "a folder" / "credentials"
        credentials.parent.mkdir()
        credentials.write_text(f"http://observer:{password}@{base.removeprefix('http://')}\n")
        before = credentials.stat().st_ino, credentials.read_text()
        with serving(tmp_path / "state", OET_GIT_CREDENTIALS=str(credentials)) as server:
            events = Events(server)
            assert run(server, "scripts/a.py", url, git_branch="main") == "first"
            failure(server, "scripts/a.py", f"{base}/other.git")
            said = json.dumps(events.all) + server.log.read_text()
            events.close()
            for file in (server.state / "runs").rglob("*"):
                if file.is_file():
                    said += file.read_text(errors="replace")
            assert password not in said
        assert (credentials.stat().st_ino, credentials.read_text()) == before
        with serving(tmp_path / "other", GIT_CONFIG_GLOBAL="/dev/null") as server:
            outcome = failure(server, "scripts/a.py", url, git_branch="main")
            assert outcome["reason"] == "environment_error"
            assert url in outcome["detail"]


def test_a_repository_that_hangs_delays_nobody_else(tmp_path: Path, repository: Repository) -> None:
    with hanging() as url, serving(tmp_path / "state", OET_GIT_TIMEOUT="3 s") as server:
        stuck = server.create_from_git("a.py", url)
        server.wait_state(stuck, "PREP_ENV")
        assert run(server, "scripts/a.py", repository.url) == "first"
        also_stuck = server.create_from_git("a.py", url)
        server.wait_state(also_stuck, "PREP_ENV")
        git = [p for p in server.processes() if p.name().startswith("git")]
        assert git
        assert server.stop_script(stuck)["survivors"] == 0
        assert [p.pid for p in git if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
        assert server.procedure(stuck)["outcome"]["reason"] == "stopped"
        found = server.ended(also_stuck)
        assert found["outcome"]["reason"] == "environment_error"
        assert (
            found["outcome"]["detail"]
            == f"repository {url} did not answer within 3 s; check git_repo, or try again later"
        )


def test_preparing_has_a_time_limit(tmp_path: Path) -> None:
    with hanging() as url, serving(tmp_path / "state", OET_ENVIRONMENT_TIMEOUT="0.5 s") as server:
        found = server.ended(server.create_from_git("a.py", url))
        assert found["outcome"]["reason"] == "timeout"
        assert found["outcome"]["detail"] == ("preparing the environment took longer than its limit of 0.5 s")


def test_preparing_goes_on_when_the_service_is_killed(tmp_path: Path) -> None:
    with hanging() as url, serving(tmp_path / "state") as server:
        stuck = server.create_from_git("a.py", url)
        server.wait_state(stuck, "PREP_ENV")
        server.kill("ses")
        server.ready()
        assert server.procedure(stuck)["state"] == "PREP_ENV"
        assert server.stop_script(stuck)["survivors"] == 0


def test_a_fetch_that_was_killed_does_not_hinder_the_next(
    tmp_path: Path, server: Server, repository: Repository
) -> None:
    run(server, "scripts/a.py", repository.url)
    for mirror in (server.state / "git" / "mirrors").glob("*/"):
        (mirror / "packed-refs.lock").touch()
        (mirror / "refs" / "heads" / "main.lock").touch()
    repository.commit({"scripts/a.py": prints("second")})
    assert run(server, "scripts/a.py", repository.url) == "second"


# -- what is kept ------------------------------------------------------------------------------------


def test_what_is_kept_is_listed_and_removed_unless_it_is_in_use(
    tmp_path: Path, repository: Repository
) -> None:
    commit = repository.git("rev-parse", "HEAD")
    with serving(tmp_path / "state") as server:
        began = time.time()
        pid = server.create_from_git("scripts/a.py", repository.url)
        server.wait_state(pid, "READY")
        kept = {one["kind"]: one for one in server.get("/environments")}
        assert set(kept) == {"tree", "mirror"}
        tree = kept["tree"]
        assert tree["repository"] == kept["mirror"]["repository"] == repository.url
        assert tree["commit"] == commit
        assert tree["size"] >= len(prints("first"))
        assert began - 5 < tree["created"] <= tree["used"] < time.time() + 5
        refused = server.request("DELETE", f"/environments/{tree['id']}")
        assert refused.status_code == 409
        assert "a procedure is using it" in refused.json()["detail"]
        server.stop_script(pid)
        assert server.request("DELETE", f"/environments/{tree['id']}").json()["id"] == tree["id"]
        assert server.request("DELETE", f"/environments/{tree['id']}").status_code == 404
        assert server.request("DELETE", "/environments/..%2Fruns").status_code == 404
        assert {one["kind"] for one in server.get("/environments")} == {"mirror"}
        assert run(server, "scripts/a.py", repository.url) == "first"


def test_what_a_script_uses_stays_though_it_has_closed_every_descriptor(
    tmp_path: Path, repository: Repository
) -> None:
    closes = (
        "import os, time\ndef main():\n    print('closing', flush=True)\n"
        "    os.closerange(3, 100_000)\n    print('closed', flush=True)\n    time.sleep(600)\n"
    )
    repository.commit({"closes.py": closes})
    with serving(tmp_path / "state") as server:
        pid = server.create_from_git("closes.py", repository.url)
        server.wait_state(pid, "READY")
        server.start_main(pid)
        until(lambda: "closed" in server.output(pid))
        (tree,) = (one for one in server.get("/environments") if one["kind"] == "tree")
        assert server.request("DELETE", f"/environments/{tree['id']}").status_code == 409
        server.stop_script(pid)


@pytest.mark.long
def test_what_nobody_used_for_long_is_removed_at_the_next_start(
    tmp_path: Path, repository: Repository
) -> None:
    with serving(tmp_path / "state") as server:
        run(server, "scripts/a.py", repository.url)
        first = repository.git("rev-parse", "HEAD")
        repository.commit({"scripts/a.py": prints("second")})
        run(server, "scripts/a.py", repository.url)
    (old,) = (
        file for file in (tmp_path / "state" / "git" / "trees").glob("*.json") if first in file.read_text()
    )
    os.utime(old.with_suffix(".lock"), (0, 0))
    with serving(tmp_path / "state") as server:
        until(lambda: len(server.get("/environments")) == 2)
        assert first not in [one["commit"] for one in server.get("/environments")]
        assert not old.with_suffix("").exists()


@pytest.mark.long
def test_what_is_too_much_is_removed_what_was_used_last_stays(tmp_path: Path, repository: Repository) -> None:
    repository.commit({"large": "x" * 300_000})
    with serving(tmp_path / "state") as server:
        run(server, "scripts/a.py", repository.url)
    with serving(tmp_path / "state", OET_ENVIRONMENT_SPACE="200 KiB") as server:
        until(lambda: "tree" not in [one["kind"] for one in server.get("/environments")])
        assert [one["kind"] for one in server.get("/environments")] == ["mirror"]

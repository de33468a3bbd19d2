"""A rerun is the earlier run once more: the same script, arguments and block; what differs is told."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from ..auth.conftest import bearer, guarded
from ..conftest import Events, Server, serving, until
from ..support.activities import Activities, Blocks, inline
from ..support.issuer import Issuer
from ..support.repositories import Repository, prints
from ..support.terminals import Terminal
from .test_secrets import stopped

SECRET = "hunter2"  # noqa: S105
TELLS = (
    "import json\nheard = []\ndef init(*args, **kwargs):\n    heard.append([args, kwargs])\n"
    "def main(*args, context, **kwargs):\n    print(json.dumps([*heard, [args, kwargs]]))\n"
)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that prints what it is given."""
    path = tmp_path / "tells.py"
    path.write_text(TELLS)
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.commit({"a.py": prints("first")})
    return made


def asked(server: Server, pid: int, **body: Any) -> requests.Response:
    return server.request("POST", f"/procedures/{pid}/rerun", json=body)


def rerun(server: Server, pid: int, **body: Any) -> dict[str, Any]:
    answer = asked(server, pid, **body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == found["uri"]
    return found


def refused(server: Server, pid: int, status: int, *words: str, **body: Any) -> None:
    before = [one["id"] for one in server.get("/procedures")]
    answer = asked(server, pid, **body)
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.json()["detail"]
    assert [one["id"] for one in server.get("/procedures")] == before


def run(server: Server, pid: int, *args: Any, **kwargs: Any) -> str:
    """Start one that is READY; returns the last line it printed."""
    server.wait_state(pid, "READY")
    server.start_main(pid, *args, **kwargs)
    assert server.ended(pid)["state"] == "COMPLETE"
    return server.output(pid).splitlines()[-1]


def heard(server: Server, pid: int) -> list[Any]:
    found: list[Any] = json.loads(run(server, pid))
    return found


# -- the same arguments ------------------------------------------------------------------------------


def test_it_has_the_arguments_of_create_and_start_and_stops_at_ready(server: Server, script: Path) -> None:
    pid = server.create(str(script), 1, band="5a")
    first = json.loads(run(server, pid, 2, scans=4, password=SECRET))
    again = rerun(server, pid)
    assert (again["rerun_of"], again["differs"], again["activity_id"]) == (pid, [], None)
    assert again["script_args"]["main"] == {"args": [2], "kwargs": {"scans": 4, "password": "***"}}
    assert heard(server, again["id"]) == first
    third = rerun(server, again["id"])
    assert third["rerun_of"] == again["id"]
    assert heard(server, third["id"]) == first


def test_overrides_replace_keywords_by_name_and_words_as_a_whole(server: Server, script: Path) -> None:
    pid = server.create(str(script), band="5a")
    run(server, pid, 1, 2, scans=4, key=1, token=SECRET)
    over = {
        "init": {"kwargs": {"band": "2"}},
        "main": {"args": [3], "kwargs": {"scans": 5, "more": True, "key": 1.0, "token": "other"}},
    }
    again = rerun(server, pid, script_args=over)
    assert again["differs"] == [
        'argument band of init: "2" instead of "5a"',
        "positional arguments of main: [3] instead of [1, 2]",
        "argument scans of main: 5 instead of 4",
        "argument key of main: 1.0 instead of 1",
        "argument token of main: another value",
        "argument more of main: true, which was not given",
    ]
    assert heard(server, again["id"])[1] == [[3], {"scans": 5, "more": True, "key": 1.0, "token": "other"}]
    (started,) = [again["differs"]]
    assert SECRET not in json.dumps(started)


def test_one_that_was_never_started_or_failed_can_be_rerun(server: Server, script: Path) -> None:
    body = {
        "script": {"script_type": "filesystem", "script_uri": f"file://{script}"},
        "script_args": {"main": {"kwargs": {"scans": 4}}},
    }
    pid = server.request("POST", "/procedures", json=body).json()["id"]
    server.wait_state(pid, "READY")
    server.stop_script(pid)
    assert heard(server, rerun(server, pid)["id"])[1] == [[], {"scans": 4}]
    failing = script.with_name("fails_in_init.py")
    failing.write_text("def init():\n    raise ValueError\ndef main(): ...\n")
    pid = server.create(str(failing))
    assert server.ended(pid)["script_sha256"] is not None
    failing.write_text("def main(): ...\n")
    refused(server, pid, 409, "has changed since")


def test_a_running_one_can_be_rerun_and_waits(server: Server) -> None:
    pid = server.run("diehard.py", "sleeping")
    again = rerun(server, pid)
    assert server.wait_state(again["id"], "READY")["rerun_of"] == pid
    assert server.procedure(pid)["state"] == "RUNNING"
    server.stop_script(pid)


# -- secrets, and what is not kept -------------------------------------------------------------------


def test_without_its_run_directory_it_has_its_arguments_but_secrets(server: Server, script: Path) -> None:
    pid = server.create(str(script), band="5a")
    first = json.loads(run(server, pid, scans=4))
    shutil.rmtree(server.state / "runs" / str(pid))
    assert heard(server, rerun(server, pid)["id"]) == first  # and context is that of now

    pid = server.create(str(script), db={"password": SECRET})
    first = json.loads(run(server, pid, token=SECRET, scans=4))
    shutil.rmtree(server.state / "runs" / str(pid))
    refused(server, pid, 409, "argument db of init has a secret", "--init_kwargs")
    init = {"kwargs": {"db": {"password": SECRET}}}
    refused(server, pid, 409, "argument token of main has a secret", script_args={"init": init})
    over = {"init": init, "main": {"kwargs": {"token": SECRET}}}
    assert heard(server, rerun(server, pid, script_args=over)["id"]) == first


def test_a_secret_among_words_is_told_too(server: Server, script: Path) -> None:
    pid = server.create(str(script))
    run(server, pid, f"https://me:{SECRET}@host/x")
    shutil.rmtree(server.state / "runs" / str(pid))
    refused(server, pid, 409, "the positional arguments of main have a secret")
    rerun(server, pid, script_args={"main": {"args": ["https://host/x"]}})


def test_one_that_is_not_listed_any_more_is_rerun(tmp_path: Path, script: Path) -> None:
    with serving(tmp_path / "state", OET_HISTORY="2") as server:
        pid = server.create(str(script), token=SECRET)
        first = json.loads(run(server, pid, scans=4))
        for _ in range(2):
            server.ended(server.run("trivial.py"))
        assert pid not in [listed["id"] for listed in server.get("/procedures")]
        again = rerun(server, pid)
        assert heard(server, again["id"]) == first
        assert SECRET not in json.dumps(server.get("/procedures", all=True))


# -- the same script ---------------------------------------------------------------------------------


def test_a_changed_file_is_refused_unless_that_is_accepted(server: Server, script: Path) -> None:
    pid = server.create(str(script))
    server.wait_state(pid, "READY")
    before = server.procedure(pid)["script_sha256"]
    script.write_text(TELLS + "# changed\n")
    refused(server, pid, 409, f"file://{script} has changed since", before[:12], "--accept_changes")
    again = rerun(server, pid, accept_changes=True)
    found = server.wait_state(again["id"], "READY")
    now = found["script_sha256"]
    assert now != before
    assert found["differs"] == [f"file://{script} has changed: SHA-256 {now[:12]} instead of {before[:12]}"]
    script.unlink()
    refused(server, pid, 422, "cannot be read", accept_changes=True)


def test_the_same_commit_runs_though_its_branch_has_moved(server: Server, repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    pid = server.create_from_git("a.py", repository.url, git_branch="main")
    assert run(server, pid) == "first"
    second = repository.commit({"a.py": prints("second")})
    again = rerun(server, pid)
    assert run(server, again["id"]) == "first"
    found = server.procedure(again["id"])
    assert (found["script"]["git_args"]["resolved_commit"], found["differs"]) == (first, [])
    assert found["script_sha256"] is None
    for original in (pid, again["id"]):
        newest = rerun(server, original, newest=True)
        assert newest["differs"] == [f"the newest commit instead of {first[:12]}"]
        assert run(server, newest["id"]) == "second"
        differs = [f"commit {second[:12]} instead of {first[:12]}"]
        assert server.procedure(newest["id"])["differs"] == differs
    same = rerun(server, newest["id"], newest=True)
    assert run(server, same["id"]) == "second"
    assert server.procedure(same["id"])["differs"] == []


def test_without_a_known_commit_only_the_newest_can_be_run(server: Server, repository: Repository) -> None:
    pid = server.create_from_git("a.py", repository.url, git_branch="no-such")
    assert server.ended(pid)["state"] == "FAILED"
    refused(server, pid, 409, "it is not known which commit it ran", f"rerun --pid={pid} --newest")
    rerun(server, pid, newest=True)


# -- refusals ----------------------------------------------------------------------------------------


def test_refusals_say_what_to_do(server: Server, script: Path) -> None:
    refused(server, 7000, 404, "No information available for PID=7000")
    pid = server.create(str(script))
    server.wait_state(pid, "READY")
    refused(server, pid, 422, "newest is for scripts from git", newest=True)
    refused(server, pid, 422, "accept_change", accept_change=True)
    refused(server, pid, 422, newest="yes")
    server.request("POST", "/drain", json={"reason": "upgrade"})
    try:
        refused(server, pid, 503, "drained")
    finally:
        server.request("POST", "/resume", json={})
    abort = server.request("POST", "/abort", json={}).json()["id"]
    server.ended(abort)
    refused(server, abort, 409, "it is an abort", "oet abort")


def test_it_needs_the_rights_of_whoever_asks(tmp_path: Path) -> None:
    issuer = Issuer().start()
    try:
        with guarded(tmp_path / "state", issuer) as server:
            execute, read = (
                bearer(issuer.token(scope=scope, sub=who))
                for who, scope in (("alice", "oet:execute"), ("bob", "oet:read"))
            )
            server.session.headers.update(execute)
            pid = server.create("trivial.py")
            server.wait_state(pid, "READY")
            for path in (f"/procedures/{pid}/rerun", "/activities/1/rerun"):
                answer = server.request("POST", path, json={}, headers=read)
                assert answer.status_code == 403, answer.text
            server.session.headers.update(bearer(issuer.token(scope="oet:execute", sub="carol")))
            again = rerun(server, pid)
            assert again["created_by"] == "carol"
            server.session.headers.update(execute)
            secret = server.create("echo.py", password=SECRET)
            server.wait_state(secret, "READY")
            assert rerun(server, secret)["created_by"] == "alice"
            server.session.headers.update(bearer(issuer.token(scope="oet:execute", sub="carol")))
            refused(server, secret, 409, "another user's; give it again")
            rerun(server, pid)
            (record,) = server.get("/audit", limit=1)
            assert (record["path"], record["status"], record["user"]) == (
                f"/procedures/{pid}/rerun",
                201,
                "carol",
            )
    finally:
        issuer.stop()


# -- once, whatever is killed ------------------------------------------------------------------------


def test_two_requests_with_one_key_give_one_procedure(server: Server) -> None:
    pid = server.create("trivial.py")
    server.wait_state(pid, "READY")

    def ask(_: int) -> dict[str, Any]:
        headers = {"Idempotency-Key": f"rerun of {pid} in {server.state}"}
        answer = server.request("POST", f"/procedures/{pid}/rerun", json={}, headers=headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, range(2))
    assert first == second == ask(0)
    assert [p["rerun_of"] for p in server.get("/procedures")].count(pid) == 1


def test_it_is_carried_out_once_though_sesworker_is_killed_before_it_answers(
    tmp_path: Path, script: Path
) -> None:
    with serving(tmp_path / "state") as server:
        pid = server.create(str(script), token=SECRET)
        first = json.loads(run(server, pid, scans=4))
        over = {"script_args": {"main": {"kwargs": {"password": SECRET}}}}
        with stopped(server, "ses"):
            with contextlib.suppress(requests.Timeout):
                requests.post(f"{server.url}/procedures/{pid}/rerun", json=over, timeout=0.5)
            until(lambda: _messages(server, "request.procedure.rerun") == 1)
        server.ready()
        until(lambda: len(server.get("/procedures")) == 2)
        again = server.get("/procedures")[-1]
        assert again["rerun_of"] == pid
        server.wait_state(again["id"], "READY")
        server.kill("ses")
        server.ready()
        found = server.procedure(again["id"])
        assert (found["rerun_of"], found["differs"], found["script_sha256"]) == (
            pid,
            ['argument password of main: "***", which was not given'],
            server.procedure(pid)["script_sha256"],
        )
        assert heard(server, again["id"]) == [first[0], [[], {"scans": 4, "password": SECRET}]]
    assert SECRET.encode() not in (server.state / "journal.db").read_bytes()


def _messages(server: Server, topic: str) -> int:
    with contextlib.closing(sqlite3.connect(server.state / "journal.db", timeout=10)) as database:
        found = database.execute("SELECT count(*) FROM messages WHERE topic = ?", (topic,)).fetchone()
    return int(found[0])


def test_the_event_of_its_creation_tells_what_it_repeats(server: Server, script: Path) -> None:
    pid = server.create(str(script))
    server.wait_state(pid, "READY")
    events = Events(server, topics="procedure.lifecycle.created,request.procedure.rerun")
    again = rerun(server, pid, script_args={"main": {"args": [1]}})
    created = events.wait(lambda e: e["topic"] == "procedure.lifecycle.created")["result"]
    request = events.wait(lambda e: e["topic"] == "request.procedure.rerun")
    events.close()
    assert (created["rerun_of"], created["differs"]) == (pid, again["differs"])
    assert request["cmd"]["pid"] == pid


# -- activities --------------------------------------------------------------------------------------


def _rerun_activity(server: Server, aid: int, **body: Any) -> requests.Response:
    return server.request("POST", f"/activities/{aid}/rerun", json=body)


def test_an_activity_is_rerun_with_its_version_arguments_and_secrets(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        blocks, activities = Blocks(server), Activities(server)
        block = blocks.add("sbd-1", {"observe": inline(TELLS, main={"kwargs": {"token": SECRET, "n": 1}})})
        given = {"init": {"kwargs": {"band": "5a"}}, "main": {"kwargs": {"n": 2}}}
        first = activities.run(block, script_args=given)
        activities.ended(first["id"])
        blocks.add("sbd-1", {"observe": inline("def main(): ...")}, version=2)
        pid = first["procedure_id"]
        refused(
            server, pid, 409, f"belongs to activity {first['id']}", f"oet activity rerun --aid={first['id']}"
        )
        answer = _rerun_activity(server, first["id"], script_args={"main": {"kwargs": {"n": 3}}})
        assert answer.status_code == 201, answer.text
        again = answer.json()
        assert answer.headers["Location"] == again["uri"]
        assert (again["rerun_of"], again["sbd_version"]) == (first["id"], 1)
        assert again["sbi_id"] != first["sbi_id"]
        assert activities.ended(again["id"])["state"] == "COMPLETE"
        init, main = json.loads(server.output(again["procedure_id"]))
        was = json.loads(server.output(pid))
        assert init == was[0]
        assert main[1]["n"] == 3
        assert main[1]["token"] == SECRET
        assert main[1]["sbi_id"] == again["sbi_id"]
        assert again["sbi_id"] in main[1]["sb_json"]
        procedure = server.procedure(again["procedure_id"])
        assert (procedure["rerun_of"], procedure["activity_id"]) == (pid, again["id"])
        assert procedure["differs"] == ["argument n of main: 3 instead of 2"]
        assert sorted(one["sbi_id"] for one in blocks.instances()) == sorted(
            [first["sbi_id"], again["sbi_id"]]
        )
        assert SECRET not in json.dumps([again, procedure, blocks.instances()])
        third = _rerun_activity(server, again["id"]).json()
        assert third["rerun_of"] == again["id"]
        activities.ended(third["id"])
        server.kill("activity")
        server.ready()
        assert activities.get(third["id"])["rerun_of"] == again["id"]


def test_an_activity_from_git_runs_the_same_commit(server: Server, repository: Repository) -> None:
    blocks, activities = Blocks(server), Activities(server)
    script = {"kind": "git", "path": "a.py", "repo": repository.url, "branch": "main"}
    block = blocks.add("sbd-git", {"observe": script})
    first = activities.run(block)
    activities.ended(first["id"])
    repository.commit({"a.py": prints("second")})
    for body, text in (({}, "first"), ({"newest": True}, "second")):
        again = _rerun_activity(server, first["id"], **body).json()
        assert activities.ended(again["id"])["state"] == "COMPLETE"
        assert server.output(again["procedure_id"]).splitlines()[-1] == text


def test_a_refused_rerun_of_an_activity_stores_nothing(server: Server, script: Path) -> None:
    blocks, activities = Blocks(server), Activities(server)
    script.write_text("def main(**kwargs): ...\n")
    block = blocks.add("sbd-file", {"observe": {"kind": "filesystem", "path": str(script)}})
    first = activities.run(block)
    activities.ended(first["id"])
    stored = blocks.instances()
    script.write_text("def main(): ...\n")
    answer = _rerun_activity(server, first["id"])
    assert answer.status_code == 409, answer.text
    assert f"oet activity rerun --aid={first['id']} --accept_changes" in answer.json()["detail"]
    assert blocks.instances() == stored
    assert activities.get(first["id"])["id"] == server.get("/activities")[-1]["id"]
    again = _rerun_activity(server, first["id"], accept_changes=True).json()
    assert again["id"] == first["id"] + 1
    activities.ended(again["id"])
    assert _rerun_activity(server, 7000).status_code == 404


# -- in a terminal -----------------------------------------------------------------------------------


def test_in_a_terminal(server: Server, script: Path) -> None:
    oet = Terminal(server)
    pid = server.create(str(script), band="5a")
    run(server, pid, scans=4)
    told = oet("procedure", "rerun", f"--pid={pid}")
    again = server.get("/procedures")[-1]["id"]
    assert told.splitlines()[2].split()[0] == str(again)
    assert f"Rerun of {pid}, and nothing differs" in told
    server.wait_state(again, "READY")
    assert f"Rerun of {pid}, and nothing differs" in oet("procedure", "describe", str(again))
    told = oet("procedure", "rerun", f"--pid={pid}", "--start", "--scans=5")
    newest = server.get("/procedures")[-1]["id"]
    assert f"Rerun of {pid}, which differs:\n- argument scans of main: 5 instead of 4" in told
    assert '"scans": 5' in told
    assert f"Procedure {newest} (file://{script}) execution complete" in told
    assert f"User request: run procedure #{pid} once more" in told
    table = oet("procedure", "diff", str(pid), str(newest))
    assert ["scans", "of", "main", "4", "5"] in [line.split() for line in table.splitlines()]
    found = json.loads(oet("procedure", "diff", str(pid), str(newest), "-o", "json"))
    assert (found["first"], found["second"]) == (pid, newest)
    assert {"field": "scans of main", "first": 4, "second": 5} in found["differs"]
    same = oet("procedure", "diff", str(pid), str(pid))
    assert same == f"Procedures {pid} and {pid} do not differ\n"
    assert f"oet procedure rerun --pid={pid}" in oet("procedure", "rerun", str(pid), status=2)
    assert "--pid is missing" in oet("procedure", "rerun", status=2)
    script.write_text(TELLS + "\n")
    assert "--accept_changes" in oet("procedure", "rerun", f"--pid={pid}", status=3)
    told = oet("procedure", "rerun", f"--pid={pid}", "--accept-changes", "--start", "--no-listen")
    assert f"Rerun of {pid}, which differs:\n- file://{script} has changed" in told


def test_an_activity_in_a_terminal(server: Server) -> None:
    blocks, activities = Blocks(server), Activities(server)
    first = activities.run(blocks.add("sbd-terminal", {"observe": inline(TELLS)}))
    activities.ended(first["id"])
    oet = Terminal(server)
    told = oet("activity", "rerun", f"--aid={first['id']}", '--script-args={"main": {"kwargs": {"n": 2}}}')
    again = server.get("/activities")[-1]
    assert '"n": 2' in told
    assert f"Activity {again['id']} (observe of sbd-terminal) complete" in told
    assert f"Rerun of {first['id']}" in oet("activity", "describe", str(again["id"]))
    assert "--aid is missing" in oet("activity", "rerun", status=2)


def test_a_rerun_of_a_dry_run_is_a_dry_run(server: Server) -> None:
    oet = Terminal(server)
    oet("procedure", "run", "file://hello_world.py", "--simulate")
    first = server.get("/procedures")[-1]
    busy = server.run("diehard.py", "sleeping")
    oet("procedure", "rerun", f"--pid={first['id']}", "--start")
    again = server.get("/procedures")[-1]
    assert (again["rerun_of"], again["simulated"], again["state"]) == (first["id"], True, "COMPLETE")
    refused = oet("procedure", "rerun", f"--pid={busy}", "--start", status=3)
    assert f"procedure {busy} is RUNNING" in refused
    server.stop_script(busy)

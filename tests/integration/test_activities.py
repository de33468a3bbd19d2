"""Activities: a scheduling block in the archive becomes a procedure, and the activity follows it."""

from __future__ import annotations

import concurrent.futures
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import SCRIPTS, Events, Server, serving, until
from ..support.activities import Activities, Blocks, inline
from ..support.oda import serving_oda
from ..support.repositories import Repository

TELLS = "import json\ndef main(*args, **kwargs):\n    print(json.dumps({'args': args, 'kwargs': kwargs}))\n"
WAITS = "import time\ndef main():\n    while True:\n        time.sleep(0.01)\n"
FAILS = "def main():\n    raise ValueError('no such antenna')\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state") as found:
        yield found


@pytest.fixture
def blocks(server: Server) -> Blocks:
    return Blocks(server)


@pytest.fixture
def activities(server: Server) -> Iterator[Activities]:
    yield Activities(server)
    for procedure in server.get("/procedures"):
        if procedure["outcome"] is None:
            server.put(procedure["id"], state="STOPPED")  # unless it has just ended


def _waits_for(gate: Path, function: str) -> str:
    """A script with a function that waits until a file is there."""
    wait = f"    while not os.path.exists({str(gate)!r}):\n        time.sleep(0.01)\n"
    return f"import os, time\ndef {function}():\n{wait}"


def _told(server: Server, activity: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(server.output(activity["procedure_id"], stream="stdout"))
    return found


# -- what happens ------------------------------------------------------------------------------------


def test_an_activity_passes_through_its_states_with_its_procedure(
    activities: Activities, blocks: Blocks, server: Server
) -> None:
    sbd_id = blocks.add("sbd-states", {"observe": inline(TELLS)}, version=3)
    events = Events(server, topics="activity,sb")
    requested = activities.run(sbd_id)
    assert requested["state"] == "REQUESTED"
    assert requested["uri"] == f"{server.url}/activities/{requested['id']}"
    assert (requested["activity_name"], requested["sbd_id"], requested["sbd_version"]) == (
        "observe",
        sbd_id,
        3,
    )
    ended = activities.ended(requested["id"])
    assert [state for state, _ in ended["activity_states"]] == [
        "REQUESTED",
        "PREPARED",
        "RUNNING",
        "COMPLETE",
    ]
    times = [at for _, at in ended["activity_states"]]
    assert times == sorted(times)
    assert ended["outcome"]["reason"] == "completed"
    procedure = server.procedure(ended["procedure_id"])
    assert procedure["activity_id"] == ended["id"]
    events.wait(lambda e: e["topic"] == "activity.lifecycle.recorded" and e["sbi_status"] == "Observed")
    told = [t for t in events.topics() if t != "activity.lifecycle.recorded" and "pool" not in t]
    assert told == [
        "activity.lifecycle.running",
        "activity.lifecycle.statechange",
        "activity.lifecycle.statechange",
        "sb.lifecycle.started",
        "activity.lifecycle.statechange",
        "sb.lifecycle.finished.succeeded",
        "activity.lifecycle.complete",
    ]
    events.close()


def test_main_gets_the_block_as_a_file_and_the_id_of_its_instance(
    activities: Activities, blocks: Blocks, server: Server
) -> None:
    sbd_id = blocks.add("sbd-file", {"observe": inline(TELLS)}, targets=["unknown keys pass through"])
    ended = activities.ended(activities.run(sbd_id)["id"])
    given = _told(server, ended)["kwargs"]
    assert given["sbi_id"] == ended["sbi_id"]
    assert json.loads(Path(given["sb_json"]).read_text())["targets"] == ["unknown keys pass through"]
    assert (
        server.procedure(ended["procedure_id"])["script_args"]["main"]["kwargs"]["sbi_id"] == ended["sbi_id"]
    )


def test_the_record_of_an_activity_s_procedure_is_what_was_called(
    activities: Activities, blocks: Blocks, server: Server
) -> None:
    script = (SCRIPTS / "made_by_init.py").read_text()
    sbd_id = blocks.add("sbd-made", {"observe": inline(script, main={"kwargs": {"scans": 2}})})
    ended = activities.ended(activities.run(sbd_id)["id"])
    assert ended["state"] == "COMPLETE"
    called = server.procedure(ended["procedure_id"])
    assert server.output(called["id"]) == "subarray 1 sb True scans 2 ['context']\n"
    assert called["script_args"]["init"] == {"args": [], "kwargs": {"subarray_id": 1}}
    assert called["script_args"]["main"]["kwargs"].keys() == {"context", "sb_json", "sbi_id", "scans"}


@pytest.mark.parametrize(
    "script, state, status",
    [
        ("async def main(sbi_id):\n    print(sbi_id)\n", "COMPLETE", "Observed"),
        ("def main():\n    yield\n", "FAILED", "Failed"),
        ("def main():\n    return (n for n in ())\n", "FAILED", "Failed"),
    ],
)
def test_no_block_is_observed_without_its_script_having_run(
    activities: Activities, blocks: Blocks, server: Server, script: str, state: str, status: str
) -> None:
    sbd_id = blocks.add(f"sbd-{uuid.uuid4().hex}", {"observe": inline(script)})
    ended = activities.ended(activities.run(sbd_id)["id"])
    assert ended["state"] == state
    until(lambda: blocks.statuses(ended["sbi_id"])[-1:] == [status])
    assert server.output(ended["procedure_id"]) == (f"{ended['sbi_id']}\n" if state == "COMPLETE" else "")


def test_a_script_that_does_not_take_them_runs_all_the_same(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-plain", {"observe": inline("def main():\n    pass\n")})
    assert activities.ended(activities.run(sbd_id)["id"])["state"] == "COMPLETE"


def test_one_instance_is_stored_and_its_end_recorded(activities: Activities, blocks: Blocks) -> None:
    stored = {"main": {"args": [1], "kwargs": {"a": 1, "b": 1}}}
    sbd_id = blocks.add("sbd-instance", {"observe": inline(TELLS, **stored)})
    ended = activities.ended(activities.run(sbd_id, script_args={"main": {"kwargs": {"b": 2}}})["id"])
    (instance,) = [i for i in blocks.instances() if i["sbi_id"] == ended["sbi_id"]]
    assert instance["interface"] == "https://schema.skao.int/ska-oso-pdm-sbi/0.1"
    assert (instance["sbd_ref"], instance["sbd_version"], instance["telescope"]) == (sbd_id, 1, "ska_mid")
    (call,) = instance["activities"]
    assert call["activity_ref"] == "observe"
    assert {"function_name": "main", "function_args": {"args": [1], "kwargs": {"a": 1, "b": 2}}} in call[
        "runtime_args"
    ]
    until(lambda: blocks.statuses(ended["sbi_id"])[-1:] == ["Observed"])


@pytest.mark.parametrize(
    ("given", "args", "kwargs"),
    [
        (None, [1], {"a": 1, "b": 1}),
        ({"main": {"kwargs": {"b": 2}}}, [1], {"a": 1, "b": 2}),
        ({"main": {"args": [5, 6]}}, [5, 6], {"a": 1, "b": 1}),
        ({"main": {"args": [], "kwargs": {}}}, [1], {"a": 1, "b": 1}),
        ({"init": {"kwargs": {"x": 1}}}, [1], {"a": 1, "b": 1}),
    ],
)
def test_arguments_go_over_those_of_the_block_keyword_by_keyword(
    activities: Activities, blocks: Blocks, server: Server, given: Any, args: Any, kwargs: Any
) -> None:
    content = TELLS + "def init(**kwargs):\n    pass\n"
    sbd_id = blocks.add(
        "sbd-args", {"observe": inline(content, main={"args": [1], "kwargs": {"a": 1, "b": 1}})}
    )
    ended = activities.ended(activities.run(sbd_id, script_args=given)["id"])
    told = _told(server, ended)
    assert told["args"] == args
    assert {name: told["kwargs"][name] for name in ("a", "b")} == kwargs


def test_a_script_file_of_the_server_is_run(activities: Activities, blocks: Blocks, server: Server) -> None:
    sbd_id = blocks.add("sbd-filesystem", {"observe": {"kind": "filesystem", "path": "trivial.py"}})
    ended = activities.ended(activities.run(sbd_id)["id"])
    assert ended["state"] == "COMPLETE"
    assert server.procedure(ended["procedure_id"])["script"]["script_uri"] == "file://trivial.py"


def test_the_commit_in_the_block_is_the_one_that_runs(
    activities: Activities, blocks: Blocks, server: Server, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "r")
    first = repository.commit({"observe.py": "def main():\n    print('first')\n"})
    repository.commit({"observe.py": "def main():\n    print('second')\n"})
    script = {"kind": "git", "repo": repository.url, "path": "observe.py"}
    for commit, printed in ((first, "first"), (None, "second")):
        sbd_id = blocks.add(f"sbd-{printed}", {"observe": {**script, "commit": commit}})
        ended = activities.ended(activities.run(sbd_id)["id"])
        assert server.output(ended["procedure_id"], stream="stdout").splitlines()[-1] == printed


def test_the_newest_version_of_a_block_is_observed(activities: Activities, blocks: Blocks) -> None:
    for version in (9, 10):
        blocks.add("sbd-versions", {"observe": inline(f"def main():\n    assert {version} == 10\n")}, version)
    ended = activities.ended(activities.run("sbd-versions")["id"])
    assert (ended["state"], ended["sbd_version"]) == ("COMPLETE", 10)


def test_the_version_that_is_asked_for_is_observed_and_on_record(
    activities: Activities, blocks: Blocks
) -> None:
    for version in (1, 2, 3):
        blocks.add("sbd-older", {"observe": inline(f"def main():\n    assert {version} == 2\n")}, version)
    ended = activities.ended(activities.run("sbd-older", sbd_version=2)["id"])
    assert (ended["state"], ended["sbd_version"]) == ("COMPLETE", 2)
    (instance,) = (found for found in blocks.instances() if found["sbi_id"] == ended["sbi_id"])
    assert instance["sbd_version"] == 2


def test_a_version_that_does_not_exist_is_named(activities: Activities, blocks: Blocks) -> None:
    blocks.add("sbd-one", {"observe": inline(TELLS)}, 1)
    refused = activities.post("sbd-one", sbd_version=7)
    assert refused.status_code == 404
    assert "no version 7 of scheduling block sbd-one in the archive" in refused.json()["detail"]


@pytest.mark.parametrize("version", [0, -1, "3", 2.5, True, 2**70])
def test_what_cannot_be_a_version_is_422(activities: Activities, blocks: Blocks, version: Any) -> None:
    sbd_id = blocks.add("sbd-versioned", {"observe": inline(TELLS)})
    assert activities.post(sbd_id, sbd_version=version).status_code == 422


def test_a_failing_script_fails_its_activity_and_its_instance(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-fails", {"observe": inline(FAILS)})
    ended = activities.ended(activities.run(sbd_id)["id"])
    assert ended["state"] == "FAILED"
    assert ended["outcome"]["detail"] == "ValueError: no such antenna"
    until(lambda: blocks.statuses(ended["sbi_id"])[-1:] == ["Failed"])


def test_prepare_only_leaves_the_start_to_the_user_who_may_override_arguments(
    activities: Activities, blocks: Blocks, server: Server
) -> None:
    stored = {"main": {"args": [1], "kwargs": {"a": 1, "b": 1}}}
    sbd_id = blocks.add("sbd-prepare", {"observe": inline(TELLS, **stored)})
    activity = activities.run(sbd_id, prepare_only=True)
    prepared = activities.wait(activity["id"], "PREPARED")
    server.start_main(prepared["procedure_id"], b=2)
    ended = activities.ended(activity["id"])
    assert ended["state"] == "COMPLETE"
    told = _told(server, ended)
    assert told["args"] == [1]
    assert (told["kwargs"]["a"], told["kwargs"]["b"]) == (1, 2)
    assert told["kwargs"]["sbi_id"] == ended["sbi_id"]


def test_the_subarray_is_offered_to_scripts_that_take_it(
    activities: Activities, blocks: Blocks, server: Server
) -> None:
    content = "".join(f"def {f}(subarray_id):\n    print('{f}', subarray_id)\n" for f in ("init", "main"))
    sbd_id = blocks.add("sbd-subarray", {"observe": inline(content, init={"kwargs": {"subarray_id": "1"}})})
    ended = activities.ended(activities.run(sbd_id)["id"])
    assert server.output(ended["procedure_id"], stream="stdout") == "init 1\nmain 1\n"


# -- stop --------------------------------------------------------------------------------------------


def test_a_stop_ends_the_script_and_the_activity_is_stopped(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-stop", {"observe": inline(WAITS)})
    aid = activities.run(sbd_id)["id"]
    running = activities.wait(aid, "RUNNING")
    answer = activities.stop(aid)
    assert answer.status_code == 200, answer.text
    assert answer.json()["abort_message"] == f"Successfully stopped script with ID {running['procedure_id']}"
    ended = activities.ended(aid)
    assert (ended["state"], ended["outcome"]["reason"]) == ("STOPPED", "stopped")
    until(lambda: blocks.statuses(ended["sbi_id"])[-1:] == ["Failed"])
    again = activities.stop(aid)
    assert again.status_code == 409
    assert again.json()["detail"].startswith(f"Cannot stop activity {aid}: it is already STOPPED; to abort")


def test_a_prepared_activity_can_be_stopped(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-stop-prepared", {"observe": inline(WAITS)})
    aid = activities.run(sbd_id, prepare_only=True)["id"]
    activities.wait(aid, "PREPARED")
    assert activities.stop(aid).status_code == 200
    assert activities.ended(aid)["state"] == "STOPPED"


def test_a_body_without_state_changes_nothing(activities: Activities, blocks: Blocks, server: Server) -> None:
    sbd_id = blocks.add("sbd-nothing", {"observe": inline(WAITS)})
    aid = activities.run(sbd_id)["id"]
    activities.wait(aid, "RUNNING")
    answer = server.request("PUT", f"/activities/{aid}", json={})
    assert (answer.status_code, answer.json()["state"]) == (200, "RUNNING")
    assert activities.get(aid)["state"] == "RUNNING"


# -- refusals: each changes nothing --------------------------------------------------------------------


def _refused(
    activities: Activities, blocks: Blocks, status: int, detail: str, sbd_id: str, **body: Any
) -> None:
    server = activities.server

    def known() -> Any:
        listed = [[one["id"] for one in server.get(path)] for path in ("/activities", "/procedures")]
        return (listed, blocks.instances())

    before = known()
    folders = set((server.state / "activities").iterdir())
    answer = activities.post(sbd_id, **body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert known() == before
    assert set((server.state / "activities").iterdir()) == folders


def test_an_unknown_block_is_404(activities: Activities, blocks: Blocks) -> None:
    _refused(activities, blocks, 404, "no scheduling block sbd-nowhere in the archive", "sbd-nowhere")


def test_an_unknown_activity_is_422_and_names_those_that_exist(
    activities: Activities, blocks: Blocks
) -> None:
    sbd_id = blocks.add("sbd-two", {"observe": inline(TELLS), "allocate": inline(TELLS)})
    detail = "scheduling block sbd-two has no activity 'observ'; it has: allocate, observe"
    _refused(activities, blocks, 422, detail, sbd_id, name="observ")


@pytest.mark.parametrize(
    ("activity", "detail"),
    [
        ({"kind": "filesystem", "path": "/nowhere/at/all.py"}, "cannot be read: No such file"),
        ({"kind": "filesystem", "path": "/etc/passwd"}, "must name a Python file"),
        ({"kind": "git", "repo": "-u", "path": "x.py"}, "git_repo"),
        ({"kind": "git", "repo": "file:///r", "path": "x.py", "commit": "/some/dir"}, "git_commit"),
        ({"kind": "inline", "content": ""}, "content must be the text of a script"),
        ({"kind": "magic"}, "unknown kind 'magic'"),
        ("no object", "must be an object"),
        (inline(TELLS, main={"args": "no list"}), "args must be a list"),
        (inline(TELLS, init={"kwargs": {"subarray_id": 3}}), "this OET drives subarray 1"),
        (inline(TELLS, init={"kwargs": {"subarray_id": True}}), "this OET drives subarray 1"),
        (inline(TELLS, init={"kwargs": {"subarray_id": 1.0}}), "this OET drives subarray 1"),
    ],
)
def test_a_block_that_cannot_be_carried_out_is_422(
    activities: Activities, blocks: Blocks, activity: Any, detail: str
) -> None:
    _refused(activities, blocks, 422, detail, blocks.add("sbd-wrong", {"observe": activity}))


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"script_args": {"main": {"kwargs": {"sb_json": "/etc/passwd"}}}}, "the OET gives it itself"),
        ({"create_env": True}, "create_env is for scripts of type 'git' only"),
        ({"script_args": {"main": {"kwargs": {"subarray_id": 2}}}}, "this OET drives subarray 1"),
    ],
)
def test_arguments_that_cannot_be_meant_are_422(
    activities: Activities, blocks: Blocks, body: dict[str, Any], detail: str
) -> None:
    _refused(activities, blocks, 422, detail, blocks.add("sbd-right", {"observe": inline(TELLS)}), **body)


@pytest.mark.parametrize("sbd_id", ["../../etc", ".hidden", "a/b", "", "x" * 201, "a\nb"])
def test_an_id_that_leads_elsewhere_is_422(activities: Activities, blocks: Blocks, sbd_id: str) -> None:
    _refused(activities, blocks, 422, "scheduling block", sbd_id)


def test_a_block_that_is_no_json_is_422(activities: Activities, blocks: Blocks) -> None:
    blocks.add("sbd-broken", {})
    (blocks.folder / "sbd" / "sbd-broken" / "1.json").write_text("{")
    _refused(activities, blocks, 422, "sbd-broken", "sbd-broken")


def test_beside_a_running_script_only_preparation_is_possible(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-busy", {"observe": inline(WAITS)})
    first = activities.run(sbd_id)
    activities.wait(first["id"], "RUNNING")
    detail = f"procedure {first['procedure_id']} is RUNNING"
    _refused(activities, blocks, 409, detail, sbd_id)
    prepared = activities.run(sbd_id, prepare_only=True)
    activities.wait(prepared["id"], "PREPARED")


def test_a_start_refused_after_all_fails_the_activity_and_says_why(
    activities: Activities, blocks: Blocks, server: Server, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    content = f"{_waits_for(gate, 'init')}def main():\n    pass\n"
    sbd_id = blocks.add("sbd-late", {"observe": inline(content)})
    activity = activities.run(sbd_id)
    server.wait_state(activity["procedure_id"], "INITIALISING")
    waits = tmp_path / "waits.py"
    waits.write_text(WAITS)
    other = server.run(str(waits))
    gate.touch()
    ended = activities.ended(activity["id"])
    assert ended["state"] == "FAILED"
    assert ended["outcome"]["reason"] == "not_started"
    assert f"procedure {other} is RUNNING" in ended["outcome"]["detail"]
    assert server.ended(activity["procedure_id"])["state"] == "STOPPED"
    until(lambda: blocks.statuses(ended["sbi_id"])[-1:] == ["Failed"])


def test_an_activity_nobody_knows_is_404(activities: Activities, server: Server) -> None:
    for answer in (server.request("GET", "/activities/4711"), activities.stop(4711)):
        assert answer.status_code == 404
        assert answer.json()["detail"] == "No information available for AID=4711"


# -- lists and repeats -----------------------------------------------------------------------------------


def test_the_ten_newest_are_listed_and_older_ones_still_described(
    activities: Activities, blocks: Blocks, server: Server
) -> None:
    sbd_id = blocks.add("sbd-many", {"observe": inline("def main():\n    pass\n")})
    aids = []
    for _ in range(11):
        aids.append(activities.run(sbd_id)["id"])
        activities.ended(aids[-1])
    assert [a["id"] for a in server.get("/activities")] == aids[1:]
    assert activities.get(aids[0])["state"] == "COMPLETE"
    assert activities.stop(aids[0]).status_code == 409


def test_the_same_request_sent_twice_is_carried_out_once(
    activities: Activities, blocks: Blocks, server: Server
) -> None:
    sbd_id = blocks.add("sbd-twice", {"observe": inline("def main():\n    pass\n")})
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"activity_name": "observe", "sbd_id": sbd_id}

    def post(_: int) -> Any:
        answer = server.request("POST", "/activities", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        ids = set(threads.map(post, range(4)))
    assert len(ids) == 1
    assert post(0) in ids


def test_of_two_at_the_same_moment_one_observes(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-race", {"observe": inline(WAITS)})
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: activities.post(sbd_id), range(2)))
    taken = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    ends = {activities.wait(aid, "RUNNING", "FAILED")["state"] for aid in taken}
    assert "RUNNING" in ends
    assert len(ends) == len(taken)


def test_the_stream_of_one_activity_tells_of_it_and_its_procedure_only(
    activities: Activities, blocks: Blocks, server: Server
) -> None:
    sbd_id = blocks.add("sbd-stream", {"observe": inline(TELLS)})
    activity = activities.run(sbd_id, prepare_only=True)
    activities.wait(activity["id"], "PREPARED")
    events = Events(server, activity=activity["id"])
    other = server.run("trivial.py")
    server.ended(other)
    server.start_main(activity["procedure_id"])
    events.wait(lambda e: e["topic"] == "activity.lifecycle.complete")
    assert {e.get("pid") for e in events.all if "pid" in e} == {activity["procedure_id"]}
    assert "sb.lifecycle.started" in events.topics()
    events.close()
    stream = {"params": {"activity": 4711}, "headers": {"Accept": "text/event-stream"}, "stream": True}
    assert server.request("GET", "/stream", **stream).status_code == 404


# -- crashes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["activity", "ses", "bus"])
def test_killing_a_worker_during_an_observation_changes_nothing_for_it(tmp_path: Path, role: str) -> None:
    with serving(tmp_path / "state") as server:
        blocks, activities = Blocks(server), Activities(server)
        gate = tmp_path / "gate"
        sbd_id = blocks.add("sbd-crash", {"observe": inline(_waits_for(gate, "main"))})
        events = Events(server, topics="activity.lifecycle,sb")
        aid = activities.run(sbd_id)["id"]
        activities.wait(aid, "RUNNING")
        server.kill(role)
        gate.touch()
        server.ready()
        ended = activities.ended(aid)
        assert [s for s, _ in ended["activity_states"]] == ["REQUESTED", "PREPARED", "RUNNING", "COMPLETE"]
        until(lambda: blocks.statuses(ended["sbi_id"])[-1:] == ["Observed"])
        told = [t for t in events.topics() if t != "activity.lifecycle.recorded"]
        assert told == [
            "activity.lifecycle.running",
            "activity.lifecycle.statechange",
            "activity.lifecycle.statechange",
            "sb.lifecycle.started",
            "activity.lifecycle.statechange",
            "sb.lifecycle.finished.succeeded",
            "activity.lifecycle.complete",
        ]


def test_whenever_the_worker_is_killed_no_request_is_half_carried_out(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        blocks, activities = Blocks(server), Activities(server)
        sbd_id = blocks.add("sbd-half", {"observe": inline("def main():\n    pass\n")})
        for n in range(4):
            with concurrent.futures.ThreadPoolExecutor(1) as threads:
                asked = threads.submit(activities.post, sbd_id)
                time.sleep(0.006 * n)
                server.kill("activity")
                answer = asked.result()
            assert answer.status_code == 201, answer.text
            server.ready()
            assert activities.ended(answer.json()["id"])["state"] == "COMPLETE"
        listed = server.get("/activities")
        assert [a["procedure_id"] for a in listed] == [p["id"] for p in server.get("/procedures")]
        assert len(blocks.instances()) == len(listed) == 4


def test_activities_survive_a_restart_of_the_server(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        blocks, activities = Blocks(server), Activities(server)
        done = blocks.add("sbd-done", {"observe": inline("def main():\n    pass\n")})
        activities.ended(activities.run(done)["id"])
        until(lambda: server.get("/activities")[0]["sbi_status"] == "Observed")
        before = server.get("/activities")
        going_on = activities.run(blocks.add("sbd-on", {"observe": inline(WAITS)}))
        activities.wait(going_on["id"], "RUNNING")
        server.stop()
        server.start()
        after = server.get("/activities")
        assert [a["id"] for a in after] == [before[0]["id"], going_on["id"]]
        assert {**after[0], "uri": ""} == {**before[0], "uri": ""}
        assert activities.ended(going_on["id"])["state"] == "STOPPED"
        until(lambda: blocks.statuses(going_on["sbi_id"])[-1:] == ["Failed"])
        assert activities.run(done)["id"] == going_on["id"] + 1


def test_large_arguments_do_not_make_a_restart_forget_anybody(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_WARM_INTERPRETERS="0") as server:
        blocks, activities = Blocks(server), Activities(server)
        sbd_id = blocks.add("sbd-large", {"observe": inline(WAITS.replace("main()", "main(**more)"))})
        large = {"main": {"kwargs": {"padding": "x" * 250_000}}}
        aids = [activities.run(sbd_id, prepare_only=True, script_args=large)["id"] for _ in range(9)]
        for aid in aids:
            activities.wait(aid, "PREPARED")
        pids = [a["procedure_id"] for a in server.get("/activities")]
        server.start_main(pids[0])
        server.kill("activity")
        server.kill("ses")
        server.ready(40)
        assert [a["id"] for a in server.get("/activities")] == aids
        assert [p["id"] for p in server.get("/procedures")] == pids
        refused = server.put(pids[1], state="RUNNING")
        assert refused.status_code == 409
        assert f"procedure {pids[0]} is RUNNING" in refused.json()["detail"]
        for pid in pids:
            server.stop_script(pid)
        assert {activities.ended(aid)["state"] for aid in aids} == {"STOPPED"}


def test_arguments_too_large_are_422(activities: Activities, blocks: Blocks) -> None:
    sbd_id = blocks.add("sbd-huge", {"observe": inline(TELLS)})
    huge = {"main": {"kwargs": {"padding": "x" * 300_000}}}
    _refused(activities, blocks, 422, "are larger than 256 KiB", sbd_id, script_args=huge)


def test_an_archive_that_hangs_delays_nothing_else(tmp_path: Path) -> None:
    with (
        serving_oda() as oda,
        serving(tmp_path / "state", OET_ODA_URL=oda.url, OET_ODA_TIMEOUT="3 s") as server,
    ):
        activities = Activities(server)
        oda.add({"sbd_id": "sbd-slow", "telescope": "ska_mid", "activities": {"observe": inline(WAITS)}})
        aid = activities.run("sbd-slow")["id"]
        activities.wait(aid, "RUNNING")
        oda.misbehave("hang")
        with concurrent.futures.ThreadPoolExecutor(20) as threads:
            asked = [threads.submit(activities.post, "sbd-slow") for _ in range(20)]
            oda.wait_for_requests(2)
            assert activities.stop(aid).status_code == 200
            assert not any(one.done() and one.result().status_code == 503 for one in asked)
            answers = {one.result().status_code for one in asked}
        assert answers == {429, 503}
        oda.behave()
        sbi_id = activities.get(aid)["sbi_id"]

        def recorded() -> bool:
            statuses = oda.statuses.get(sbi_id)
            return bool(statuses) and statuses[-1]["current_status"] == "Failed"

        until(recorded, 30)

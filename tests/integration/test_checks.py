"""A script is checked before it is run: what it does meanwhile ends with the check, and is not told."""

from __future__ import annotations

import concurrent.futures
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from ska_oso_oet.simulator.server import _OBSERVATORY
from ska_oso_oet_client import CallArguments, OETClient, RefusedError

from ..conftest import Events, Server, serving, until
from ..support.activities import Activities, Blocks, inline
from ..support.blocks import sample
from ..support.repositories import Repository
from .test_environments import project, sees

OBSERVE = """
    from __future__ import annotations
    from typing import Literal
    def init(subarray_id: int, simulate: bool = False): pass
    def main(source: str, scans: int = 2, band: Literal["1", "5a"] = "1", odd: Missing = None): pass
"""
LIMIT = 3
OBSERVATORY = _OBSERVATORY["mid"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("oet") / "state", OET_CHECK_TIMEOUT=f"{LIMIT} s") as found:
        yield found


def written(folder: Path, text: str) -> str:
    path = folder / "checked.py"
    path.write_text(textwrap.dedent(text))
    return str(path)


def body(script: str, main: dict[str, Any] | None = None, **init: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"init": {"kwargs": init}}
    if main is not None:
        arguments["main"] = {"kwargs": main}
    script_document = {"script_type": "filesystem", "script_uri": f"file://{script}"}
    return {"script": script_document, "script_args": arguments}


def check(server: Server, document: Any) -> Any:
    answer = server.request("POST", "/procedures/check", json=document)
    assert answer.status_code == 200, answer.text
    return answer.json()


def schema(server: Server, path: str) -> requests.Response:
    script = {"script_type": "filesystem", "script_uri": f"file://{path}"}
    return server.request("POST", "/procedures/schema", json={"script": script})


def problems(checked: dict[str, Any]) -> dict[str, str]:
    assert checked["valid"] is (not checked["problems"])
    return {one["where"]: one["what"] for one in checked["problems"]}


def require_nothing_left(server: Server, folder: Path | None = None) -> None:
    until(lambda: not any((server.state / "checks").iterdir()))
    if folder is not None:
        pid = int((folder / "pid").read_text())
        until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


# -- what is told ------------------------------------------------------------------------------------


def test_a_script_that_may_run_is_valid_and_shows_its_arguments(server: Server, tmp_path: Path) -> None:
    found = check(server, body(written(tmp_path, OBSERVE), {"source": "A"}, subarray_id=1))
    assert problems(found) == {}
    types = {one["name"]: one["type"] for one in found["schema"]["main"]["parameters"]}
    assert types == {
        "source": {"type": "string"},
        "scans": {"type": "integer", "default": 2},
        "band": {"enum": ["1", "5a"], "default": "1"},
        "odd": {"default": None},
    }
    assert (found["resolved_commit"], found["environment"]) == (None, "none")
    nothing = {"seconds": None, "low": None, "high": None, "source": "none", "runs": None}
    assert found["estimate"] == nothing
    assert schema(server, f"{tmp_path}/checked.py").json() == found["schema"]


def test_every_wrong_argument_is_told_with_its_place(server: Server, tmp_path: Path) -> None:
    found = check(
        server, body(written(tmp_path, OBSERVE), {"scnas": 3, "band": "7"}, simulate="yes", subarray_id=1)
    )
    assert problems(found) == {
        "init.kwargs.simulate": "simulate must be true or false, not text",
        "main.kwargs.scnas": "main has no argument scnas (did you mean scans?)",
        "main.kwargs.band": 'band must be one of "1", "5a"',
        "main.kwargs.source": "source is missing",
    }


def test_arguments_of_main_that_may_come_with_its_start_are_not_missed(
    server: Server, tmp_path: Path
) -> None:
    assert check(server, body(written(tmp_path, OBSERVE)))["valid"]


def test_an_argument_that_nothing_would_take_is_told(server: Server, tmp_path: Path) -> None:
    script = written(tmp_path, "def main(): pass")
    assert check(server, body(script, subarray_id=1))["valid"]
    assert problems(check(server, body(script, scans=1))) == {
        "init.kwargs.scans": "the script has no init() that could take scans"
    }


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("raise ValueError('no such antenna')", "script", "ValueError: no such antenna (checked.py line 1)"),
        ("def main(:", "script", "SyntaxError: invalid syntax (checked.py line 1)"),
        ("import no_such_module", "script", "No module named 'no_such_module' (checked.py line 1)"),
        ("x = 1", "script", "it has no function main()"),
        ("def main():\n    yield", "main", "main() is a generator"),
        ("import sys\nsys.exit(3)", "script", "it exits when it is loaded, with status 3"),
        ("import os\nos._exit(3)", "script", "exited with status 3 during loading the script"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "script", "ended by SIGKILL"),
        ("ESTIMATE = 0\ndef main(): pass", "script", "ESTIMATE must be a number of seconds above 0, not 0"),
        (
            "import time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)",
            "script",
            "took longer than its limit of 3 s (OET_CHECK_TIMEOUT)",
        ),
    ],
)
def test_a_script_that_cannot_be_loaded_says_why(
    server: Server, tmp_path: Path, text: str, where: str, words: str
) -> None:
    found = problems(check(server, body(written(tmp_path, text))))
    assert list(found) == [where]
    assert words in found[where]
    require_nothing_left(server)


def test_a_main_that_init_makes_is_no_problem(server: Server) -> None:
    found = check(server, body("made_by_init.py", {"scans": 2}, subarray_id=1))
    assert problems(found) == {}
    assert found["schema"]["main"] is None


def test_a_script_that_is_not_there_is_a_problem_and_no_error(server: Server) -> None:
    assert "cannot be read" in problems(check(server, body("/no/such.py")))["script"]
    assert schema(server, "/no/such.py").status_code == 422


def test_no_address_that_a_browser_may_open_executes_a_script(server: Server, tmp_path: Path) -> None:
    path = written(tmp_path, f"open({str(tmp_path / 'done')!r}, 'w')\ndef main(): pass")
    for address in ("/procedures/schema", "/procedures/check"):
        answer = server.request("GET", f"{address}?script_uri=file://{path}")
        assert answer.status_code in (404, 405, 422)
        form = server.request("POST", address, data={"script": f"file://{path}"})
        assert form.status_code == 415
    assert not (tmp_path / "done").exists()


def test_bodies_that_are_none_are_refused_with_their_place(server: Server) -> None:
    for document, loc in (({"scrpt": 1}, ["body", "scrpt"]), ([body("echo.py"), {}], ["body", 1, "script"])):
        answer = server.request("POST", "/procedures/check", json=document)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["loc"] == loc
    for document in ([], [body("echo.py")] * 101):
        assert server.request("POST", "/procedures/check", json=document).status_code == 422


def test_a_file_that_was_changed_is_loaded_again(server: Server, tmp_path: Path) -> None:
    script = written(tmp_path, "open(__file__ + '.loaded', 'a').write('x')\ndef main(a): pass")
    for _ in range(3):
        assert check(server, body(script, {"a": 1}))["valid"]
    assert Path(f"{script}.loaded").read_text() == "x"
    written(tmp_path, "def main(b): pass")
    assert "main.kwargs.a" in problems(check(server, body(script, {"a": 1})))


def test_a_hundred_checks_of_loaded_scripts_are_answered_in_order(server: Server, tmp_path: Path) -> None:
    script = written(tmp_path, OBSERVE)
    bodies = [body(script, {"source": "A", "scans": n if n % 2 else "many"}) for n in range(100)]
    found = check(server, bodies)
    assert [one["valid"] for one in found] == [bool(n % 2) for n in range(100)]


# -- nothing of it is left or told --------------------------------------------------------------------


def test_nothing_of_a_check_is_told_and_its_output_is_discarded(server: Server, tmp_path: Path) -> None:
    script = written(
        tmp_path,
        """
        import sys
        from pubsub import pub
        pub.sendMessage("user.script.announce", msg="I am checked")
        for _ in range(50):
            sys.stdout.write("x" * 2**20)
        def main(): pass
        """,
    )
    events = Events(server)
    try:
        first = server.get("/audit", limit=1)
        assert check(server, body(script))["valid"]
        assert server.get("/audit", limit=1) == first
        pid = server.create("echo.py")
        events.wait(lambda e: e.get("topic") == "procedure.lifecycle.created")
        told = [e for e in events.all if "audit" not in e["topic"] and str(e.get("msg_src")) != str(pid)]
        topics = {e["topic"] for e in told}
    finally:
        events.close()
    assert not {topic for topic in topics if "inspect" in topic or "announce" in topic or "output" in topic}
    require_nothing_left(server)


def test_whatever_a_script_starts_when_it_is_loaded_ends_with_the_check(
    server: Server, tmp_path: Path
) -> None:
    script = written(
        tmp_path,
        """
        import os, threading, time
        def main(): pass
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                open(os.path.join(os.path.dirname(__file__), "pid"), "w").write(str(os.getpid()))
                time.sleep(1000)
            os._exit(0)
        os.wait()
        while not os.path.exists(os.path.join(os.path.dirname(__file__), "pid")):
            time.sleep(0.01)
        threading.Thread(target=time.sleep, args=(1000,)).start()
        """,
    )
    assert check(server, body(script))["valid"]
    require_nothing_left(server, tmp_path)


@pytest.mark.parametrize(
    "forged",
    [
        '{"uses": 7}',
        '{"uses": [], "problems": [], "main": 5}',
        '{"uses": [], "problems": [5]}',
        '{"uses": [], "problems": [], "estimate": "soon"}',
        '{"uses": [], "problems": [], "main": {"parameters": [{"name": 3}], "docstring": 1}}',
    ],
)
def test_a_script_that_forges_its_description_harms_nobody(
    server: Server, tmp_path: Path, forged: str
) -> None:
    script = written(
        tmp_path,
        f"""
        import os, time
        for name in os.listdir("/proc/self/fd"):
            if int(name) >= 700:
                try:
                    os.write(int(name), b'{{"say": "inspected", "found": {forged}}}\\n')
                except OSError:
                    pass
        time.sleep(1000)
        """,
    )
    for _ in range(2):
        assert "sends messages of its own" in problems(check(server, body(script)))["script"]
    require_nothing_left(server)


def test_a_worker_that_is_killed_during_a_check_leaves_nothing(tmp_path: Path) -> None:
    script = written(
        tmp_path,
        """
        import os, time
        here = os.path.dirname(__file__)
        if not os.path.exists(here + "/pid"):
            open(here + "/new", "w").write(str(os.getpid()))
            os.rename(here + "/new", here + "/pid")
            time.sleep(1000)
        def main(): pass
        """,
    )
    with serving(tmp_path / "state", OET_CHECK_TIMEOUT="30 s") as server:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asking = pool.submit(check, server, body(script))
            until(lambda: (tmp_path / "pid").exists())
            server.kill("ses")
            assert asking.result(60)["valid"]  # it was asked again
        require_nothing_left(server, tmp_path)


def test_a_server_that_is_stopped_during_a_check_leaves_nothing(tmp_path: Path) -> None:
    script = written(
        tmp_path,
        """
        import os, time
        here = os.path.dirname(__file__)
        open(here + "/new", "w").write(str(os.getpid()))
        os.rename(here + "/new", here + "/pid")
        time.sleep(1000)
        """,
    )
    with serving(tmp_path / "state", OET_CHECK_TIMEOUT="60 s") as server:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asking = pool.submit(server.request, "POST", "/procedures/check", json=body(script))
            until(lambda: (tmp_path / "pid").exists())
            server.stop()
            assert asking.exception(30) is not None or asking.result().status_code >= 500
        server.start()
        server.ready()
        require_nothing_left(server, tmp_path)


def test_a_check_beside_a_running_script_and_many_at_once_delay_no_stop(
    server: Server, tmp_path: Path
) -> None:
    hangs = [tmp_path / f"hangs{n}" for n in range(20)]
    for folder in hangs:
        folder.mkdir()
        written(folder, "while True: pass")
    running = written(tmp_path, "import time\ndef main():\n    while True: time.sleep(0.01)")
    pid = server.run(running)

    def ask(folder: Path) -> int:
        answer = requests.post(
            f"{server.url}/procedures/check", json=body(str(folder / "checked.py")), timeout=90
        )
        return answer.status_code

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asking = [pool.submit(ask, folder) for folder in hangs]
        until(lambda: any((server.state / "checks").iterdir()))
        began = time.monotonic()
        server.stop_script(pid)
        assert time.monotonic() - began < 2
        answers = {one.result() for one in asking}
    assert answers <= {200, 429}  # too many at once are refused
    assert 200 in answers
    require_nothing_left(server)


# -- scripts from git ---------------------------------------------------------------------------------


def git_body(repository: Repository, script: str, **more: Any) -> dict[str, Any]:
    create_env = more.pop("create_env", False)
    return {
        "script": {
            "script_type": "git",
            "script_uri": f"git://{script}",
            "create_env": create_env,
            "git_args": {"git_repo": repository.url, **more},
        }
    }


def test_a_script_from_git_is_resolved_and_its_environment_is_not_made(tmp_path: Path) -> None:
    repository = project(tmp_path / "repository")
    commit = repository.git("rev-parse", "HEAD")
    with serving(tmp_path / "state") as server:
        found = check(server, git_body(repository, "sees.py", create_env=True))
        assert (found["resolved_commit"], found["environment"]) == (commit, "to_make")
        assert problems(found) == {}
        assert found["schema"]["main"]["parameters"][0]["kind"] == "args"
        assert check(server, git_body(repository, "sees.py"))["environment"] == "none"
        sees(server, repository, "observing")
        for _ in range(2):  # the second is remembered
            found = check(server, git_body(repository, "sees.py", create_env=True, git_commit=commit))
            assert (found["valid"], found["environment"]) == (True, "ready")
        found = check(server, git_body(repository, "none.py"))
        assert "has no file none.py" in problems(found)["script"]
        found = check(server, git_body(repository, "sees.py", git_branch="none", create_env=True))
        assert "has no branch or tag none" in problems(found)["script"]
        assert found["environment"] == "unknown"
        require_nothing_left(server)


# -- activities ---------------------------------------------------------------------------------------


def test_an_activity_is_checked_with_its_block(server: Server) -> None:
    blocks = Blocks(server)
    blocks.add("sbd-check", {"observe": inline("def main(sb_json, sbi_id, scans: int = 1): pass")})
    ask = {"activity_name": "observe", "sbd_id": "sbd-check"}
    assert problems(check(server, ask)) == {}
    wrong = {"script_args": {"main": {"kwargs": {"scnas": 1}}}}
    assert "did you mean scans?" in problems(check(server, {**ask, **wrong}))["main.kwargs.scnas"]
    assert (
        "has no activity 'obsrve'" in problems(check(server, {**ask, "activity_name": "obsrve"}))["activity"]
    )
    assert "no scheduling block" in problems(check(server, {**ask, "sbd_id": "sbd-none"}))["block"]
    given = {"script_args": {"main": {"kwargs": {"sb_json": "x"}}}}
    assert "must not be given sb_json" in problems(check(server, {**ask, **given}))["script_args"]
    assert not list((server.state / "activities").glob("sbi-check*"))
    both = check(server, [ask, body("no_main.py"), ask])
    assert [one["valid"] for one in both] == [True, False, True]


def test_a_block_gives_the_estimate_and_is_checked_if_the_packaged_script_reads_it(server: Server) -> None:
    blocks = Blocks(server)
    document = sample(scan_duration=1500, scans=4)
    activities = document.pop("activities")
    assert isinstance(activities, dict)
    document = {key: value for key, value in document.items() if key != "sbd_id"}
    blocks.add("sbd-timed", activities, **document)
    given = {"main": {"kwargs": {"observatory": OBSERVATORY}}}
    ask = {"activity_name": "observe", "sbd_id": "sbd-timed", "script_args": given}
    found = check(server, ask)
    assert problems(found) == {}
    assert found["estimate"] == {"seconds": 6.0, "low": None, "high": None, "source": "block", "runs": None}
    blocks.add("sbd-bad", activities, **{**document, "targets": []})
    assert "targets" in problems(check(server, {**ask, "sbd_id": "sbd-bad"}))["block"]


def test_past_runs_give_the_estimate(server: Server, tmp_path: Path) -> None:
    script = written(tmp_path, "import time\ndef main(seconds=0.05):\n    time.sleep(seconds)\n")
    for _ in range(2):
        assert server.ended(server.run(script))["state"] == "COMPLETE"
    failed = server.ended(server.run(script, "long"))
    assert failed["state"] == "FAILED"
    until(lambda: check(server, body(script))["estimate"]["runs"] == 2)
    estimate = check(server, body(script))["estimate"]
    assert estimate["source"] == "history"
    assert 0.05 <= estimate["low"] <= estimate["seconds"] <= estimate["high"] < 5
    Blocks(server).add("sbd-past", {"observe": {"kind": "filesystem", "path": script}})
    ask = {"activity_name": "observe", "sbd_id": "sbd-past"}
    assert check(server, ask)["estimate"]["source"] == "none"
    activities = Activities(server)
    activities.wait(activities.run("sbd-past")["id"], "COMPLETE")
    assert check(server, ask)["estimate"]["runs"] == 1
    said = written(tmp_path, "ESTIMATE = 30\ndef main(): pass")
    assert check(server, body(said))["estimate"] == {
        "seconds": 30.0,
        "low": None,
        "high": None,
        "source": "script",
        "runs": None,
    }


# -- at create ----------------------------------------------------------------------------------------


def test_arguments_that_init_cannot_take_fail_at_once(server: Server, tmp_path: Path) -> None:
    found = server.ended(server.create(written(tmp_path, OBSERVE), simulte=True))
    assert found["outcome"]["reason"] == "load_error"
    assert found["outcome"]["detail"] == (
        "init has no argument simulte (did you mean simulate?); its parameters are "
        "init(subarray_id, simulate=…)"
    )
    assert found["history"]["stacktrace"] is None
    assert "INITIALISING" not in [state for state, _ in found["history"]["process_states"]]


def test_arguments_for_main_given_at_create_are_checked_before_it_is_ready(
    server: Server, tmp_path: Path
) -> None:
    document = body(written(tmp_path, OBSERVE), {"scnas": 1}, subarray_id=1)
    pid = server.request("POST", "/procedures", json=document).json()["id"]
    found = server.ended(pid)
    assert found["outcome"]["detail"].startswith(
        "main has no argument scnas (did you mean scans?); its param"
    )
    assert "READY" not in [state for state, _ in found["history"]["process_states"]]
    document = body(written(tmp_path, OBSERVE), {"scans": 1}, subarray_id=1)  # source comes with the start
    pid = server.request("POST", "/procedures", json=document).json()["id"]
    server.wait_state(pid, "READY")
    answer = server.put(pid, state="RUNNING", script_args={"main": {"kwargs": {"sourse": "A"}}})
    assert answer.status_code == 422
    assert "main has no argument sourse (did you mean source?); source is missing" in answer.json()["detail"]
    server.start_main(pid, source="A")
    assert server.ended(pid)["state"] == "COMPLETE"


# -- the client ---------------------------------------------------------------------------------------


def test_the_client_checks_procedures_and_activities(server: Server, tmp_path: Path) -> None:
    uri = f"file://{written(tmp_path, OBSERVE)}"
    with OETClient(server.url) as client:
        assert client.check_procedure(uri, ["A"]).valid
        found = client.check_procedure(uri, ["A"], {"scnas": 1}, init=CallArguments(kwargs={"simulate": 1}))
        assert [str(problem) for problem in found.problems] == [
            "init.kwargs.simulate: simulate must be true or false, not a whole number",
            "main.kwargs.scnas: main has no argument scnas (did you mean scans?)",
        ]
        assert found.schema.main is not None
        assert client.script_schema(uri).main == found.schema.main
        assert not client.check_activity("observe", "sbd-none").valid
        with pytest.raises(RefusedError, match="it has no function main"):
            client.script_schema(f"file://{written(tmp_path, 'x = 1')}")

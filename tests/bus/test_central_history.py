"""Servers with a central history: one list and one stream of all subarrays, in good times and bad."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from ..auth.conftest import bearer, guarded
from ..conftest import Events, Server, serving, until
from ..support.ageing import DAY, age
from ..support.issuer import Issuer
from ..support.postgresql import PASSWORD, PostgreSQL, require_equal, shared
from ..support.terminals import OET
from .test_damage import oet_server

COUNTING = """
import os
import time
from pubsub import pub


def main(flag):
    n = 0
    while not os.path.exists(flag):
        pub.sendMessage("user.script.count", n=n)
        n += 1
        time.sleep(0.005)
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """The servers of subarrays 1 and 2, with one database."""
    folder, url = tmp_path_factory.mktemp("pair"), shared().database()
    with contextlib.ExitStack() as stack:
        first, second = (
            stack.enter_context(
                serving(
                    folder / f"state{n}",
                    OET_DATABASE_URL=url,
                    OET_SUBARRAY_ID=str(n),
                    OET_WARM_INTERPRETERS="0",
                )
            )
            for n in (1, 2)
        )
        yield first, second


def _everywhere(server: Server, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get("/procedures", all_subarrays="true", **query)
    return found


def _complete(server: Server, *servers: Server) -> None:
    """Wait until the central history has the ends of the newest procedures of these servers."""
    wanted = {(int(s.settings["OET_SUBARRAY_ID"]), s.get("/procedures")[-1]["id"]) for s in servers}
    until(lambda: wanted <= {(p["subarray"], p["id"]) for p in _everywhere(server, state="COMPLETE")})


def _oet(server: Server, *words: str, status: int = 0) -> str:
    environ = {**os.environ, "OET_URL": server.url}
    done = subprocess.run([OET, *words], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def test_a_list_of_all_subarrays_has_what_was_run_on_each(pair: tuple[Server, Server]) -> None:
    first, second = pair
    for server in (first, second, second):
        server.ended(server.run("echo.py"))
        _complete(first, server)
    found = _everywhere(second)
    newest = [(p["subarray"], p["id"]) for p in found][-3:]
    assert newest == [(1, newest[0][1]), (2, newest[1][1]), (2, newest[1][1] + 1)]
    assert [p["position"] for p in found] == sorted(p["position"] for p in found)
    for procedure in found[-3:]:
        owner = pair[procedure["subarray"] - 1]
        mine = owner.procedure(procedure["id"])
        assert {**procedure, "uri": "", "position": 0, "subarray": 0} == {
            **mine,
            "uri": "",
            "position": 0,
            "subarray": 0,
        }
        assert procedure["uri"].endswith(f"/oet/{procedure['subarray']}/api/v1/procedures/{procedure['id']}")


def test_it_is_paged_and_filtered_like_the_list_of_one(pair: tuple[Server, Server]) -> None:
    first, second = pair
    for server in (first, second):
        server.ended(server.run("trivial.py"))
        server.ended(server.create("no_main.py"))
        server.ended(server.run("trivial.py"))
    _complete(first, first, second)
    everything = _everywhere(first)
    pages: list[dict[str, Any]] = []
    while page := _everywhere(first, limit=2, **({"before": pages[0]["position"]} if pages else {})):
        pages = page + pages
    assert pages == everything
    failed = _everywhere(first, state="FAILED", script="no_main")
    assert failed == [p for p in everything if p["state"] == "FAILED"]
    assert {p["subarray"] for p in failed} == {1, 2}
    assert _everywhere(first, state="FAILED,COMPLETE", script="NO_*.py") == failed
    assert _everywhere(first, state=["FAILED", "COMPLETE"]) == everything
    latest = max(p["created"] for p in everything)
    assert [p["created"] for p in _everywhere(first, since=latest)] == [latest]
    assert {"os_pid", "started", "ended", "started_by"} <= everything[0].keys()
    assert first.request("GET", "/procedures?all_subarrays=true&limit=0").status_code == 422


def test_a_stream_of_all_subarrays_tells_what_happens_on_each(pair: tuple[Server, Server]) -> None:
    first, second = pair
    with contextlib.closing(Events(first, all_subarrays="true")) as events:
        pids = {1: first.run("echo.py"), 2: second.run("echo.py")}
        for n, pid in pids.items():
            events.wait(
                lambda e, n=n, pid=pid: (
                    e["topic"] == "procedure.lifecycle.complete"
                    and (e["subarray"], e["result"]["id"]) == (n, pid)
                )
            )
        told = list(events.all)
    numbers = [e["seq"] for e in told]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {e["subarray"] for e in told} == {1, 2}
    announced = [e for e in told if e["topic"] == "user.script.announce"]
    assert {(e["subarray"], e["msg_src"]) for e in announced} == {(n, str(pid)) for n, pid in pids.items()}
    assert [e for e in told if e["topic"] == "procedure.output"] == []


def test_it_is_replayed_by_id_without_a_gap_and_filtered(pair: tuple[Server, Server]) -> None:
    first, second = pair
    for server in pair:
        server.ended(server.run("echo.py"))
    _complete(second, first, second)
    last = max(p["position"] for p in _everywhere(second))
    with contextlib.closing(Events(second, all_subarrays="true", after=0)) as events:
        events.wait(lambda e: e["seq"] >= last)
        everything = [e for e in events.all if e["seq"] <= last]
    assert [e["seq"] for e in everything] == list(range(1, last + 1))
    half = everything[len(everything) // 2]["seq"]
    query = {"all_subarrays": "true", "topics": "procedure.lifecycle", "exclude": "procedure.lifecycle.ready"}
    with contextlib.closing(Events(first, after=half, **query)) as events:
        pid = second.create("trivial.py")
        events.wait(lambda e: e.get("result", {}).get("id") == pid and e["subarray"] == 2)
        told = [e for e in events.all if e["seq"] <= last]
    assert told == [
        e
        for e in everything
        if e["seq"] > half
        and e["topic"].startswith("procedure.lifecycle.")
        and e["topic"] != "procedure.lifecycle.ready"
    ]


def test_an_id_beyond_the_central_history_gets_one_reset(pair: tuple[Server, Server]) -> None:
    with contextlib.closing(Events(pair[0], all_subarrays="true", after=10**9)) as events:
        reset = events.wait(lambda e: True)
        assert reset["event"] == "stream.reset"
        pair[1].create("trivial.py")
        events.wait(lambda e: e.get("subarray") == 2)
        assert [e["event"] for e in events.all].count("stream.reset") == 1


def test_a_stream_goes_on_after_one_reset_when_the_central_history_is_made_anew(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    settings = {"OET_DATABASE_URL": centre, "OET_SUBARRAY_ID": "1"}
    with serving(tmp_path / "state", **settings) as server, contextlib.ExitStack() as stack:

        def listen() -> Events:
            return stack.enter_context(contextlib.closing(Events(server, all_subarrays="true")))

        postgresql.sql(centre, "UPDATE oet_head SET position = 10000")  # as with a long history
        server.run("trivial.py")
        _complete(server, server)
        first = listen()
        tables = ("messages", "procedures", "documents", "audit", "instances", "head", "version")
        postgresql.sql(centre, "; ".join(f"DROP TABLE oet_{table}" for table in tables))
        server.run("trivial.py")
        first.wait(lambda e: e["event"] == "stream.reset")
        second = listen()
        pid = server.run("trivial.py")
        for events in (first, second):
            events.wait(lambda e: e["event"] == "procedure.lifecycle.complete" and e["result"]["id"] == pid)
        assert [e["event"] for e in first.all].count("stream.reset") == 1
        assert "stream.reset" not in [e["event"] for e in second.all]


def test_ids_of_one_subarray_are_refused_for_all(pair: tuple[Server, Server]) -> None:
    for name in ("procedure", "activity"):
        refused = pair[0].request(
            "GET", f"/stream?all_subarrays=true&{name}=1", headers={"Accept": "text/event-stream"}
        )
        assert refused.status_code == 422
        assert "ids of one subarray" in refused.json()["detail"]


def test_from_a_terminal_the_list_has_a_column_with_the_subarray(pair: tuple[Server, Server]) -> None:
    for server in pair:
        server.ended(server.run("echo.py"))
    _complete(pair[0], *pair)
    heading, _, *rows = _oet(pair[0], "procedure", "list", "--all-subarrays").splitlines()
    assert {"ID", "Script", "State", "Subarray"} <= set(heading.split())
    place = heading.index("Subarray")
    assert {row[place:].split()[0] for row in rows} == {"1", "2"}
    listed = json.loads(_oet(pair[0], "procedure", "list", "--all-subarrays", "--limit=3", "--output=json"))
    assert listed == _everywhere(pair[0])[-3:]


def test_from_a_terminal_all_subarrays_can_be_listened_to(pair: tuple[Server, Server]) -> None:
    first, second = pair
    last = max((p["position"] for p in _everywhere(first)), default=0)
    words = ["--all-subarrays", "--format=text", "--topics=procedure.lifecycle", f"--from-id={last}"]
    listening = subprocess.Popen(
        [OET, "listen", *words], env={**os.environ, "OET_URL": first.url}, stdout=subprocess.PIPE, text=True
    )
    assert listening.stdout is not None
    try:
        pids = {2: second.run("trivial.py"), 1: first.run("trivial.py")}
        wanted = {
            f"[{n}] Procedure {pid} (file://trivial.py) execution complete on subarray {n}"
            for n, pid in pids.items()
        }
        while wanted:
            line = listening.stdout.readline()
            assert line
            wanted.discard(line.rstrip())
    finally:
        listening.send_signal(signal.SIGINT)
        listening.wait(20)
        listening.stdout.close()


def test_a_second_server_for_a_subarray_refuses_to_start_in_one_sentence(
    pair: tuple[Server, Server], tmp_path: Path
) -> None:
    before = _everywhere(pair[0])
    done = oet_server(
        tmp_path / "state", "central", **{**pair[1].settings, "OET_STATE_DIR": str(tmp_path / "state")}
    )
    assert done.returncode == 78
    assert done.stderr.startswith("oet-server: another server, on ")
    assert done.stderr.endswith("stop it, or give this one another subarray with OET_SUBARRAY_ID\n")
    assert len(done.stderr.splitlines()) == 1
    assert _everywhere(pair[0]) == before


def test_a_bus_alone_does_not_begin_a_history_that_may_be_elsewhere(tmp_path: Path, centre: str) -> None:
    done = oet_server(tmp_path / "state", "bus", OET_DATABASE_URL=centre)
    assert done.returncode == 78
    assert done.stderr.endswith("start CentralWorker first, which fetches them: oet-server central\n")


def test_without_a_central_history_there_is_no_central_worker(tmp_path: Path) -> None:
    done = oet_server(tmp_path / "state", "central", OET_DATABASE_URL="")
    assert done.returncode == 78
    assert "there is no central history: OET_DATABASE_URL names no PostgreSQL database" in done.stderr


def test_the_server_works_and_is_ready_while_its_central_worker_is_restarted(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with serving(tmp_path / "state", OET_DATABASE_URL=centre, OET_SUBARRAY_ID="1") as server:
        stopped = server.worker("central")
        with contextlib.closing(Events(server)) as events:
            stopped.suspend()
            root = server.url.split("/ska-oso-oet")[0]
            ready = requests.get(f"{root}/readyz", timeout=20)
            assert ready.status_code == 200
            assert ready.json()["workers"]["CentralWorker"].startswith("away: ")
            assert ready.json()["stores"]["central_history"] == "away"
            server.ended(server.run("trivial.py"))
            stopped.kill()
            events.wait(lambda e: e["topic"] == "worker.restarted" and e["worker"] == "CentralWorker")
            until(lambda: server.get("/status")["stores"]["central_history"] == "ok")
            assert server.get("/status")["workers"]["CentralWorker"] == "ok"
            _complete(server, server)
    require_equal(postgresql, centre, 1, tmp_path / "state" / "journal.db")


def test_what_is_too_old_is_removed_from_the_journal_once_it_is_copied(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    settings = {"OET_DATABASE_URL": centre, "OET_SUBARRAY_ID": "1"}
    with serving(tmp_path / "state", OET_HISTORY="1", OET_RETENTION_DAYS="10", **settings) as server:
        for _ in range(2):
            server.ended(server.run("trivial.py"))
        server.stop()
        age(server.state, 11)
        postgresql.sql(centre, f"UPDATE oet_messages SET time = time - {11 * DAY}")
        server.start()
        until(lambda: len(server.get("/procedures", all="true")) == 1)
    (kept,) = postgresql.sql(centre, "SELECT count(*) FROM oet_messages WHERE about = 1")
    assert kept[0] > 5


def test_what_is_asked_about_other_subarrays_is_not_in_the_stream_of_this_one(
    pair: tuple[Server, Server],
) -> None:
    first, second = pair
    with (
        contextlib.closing(Events(first)) as mine,
        contextlib.closing(Events(first, all_subarrays="true")) as everywhere,
    ):
        pid = second.run("trivial.py")
        everywhere.wait(lambda e: e.get("new_state") == "COMPLETE" and (e["subarray"], e["pid"]) == (2, pid))
        _complete(first, second)
        pid = first.run("trivial.py")
        mine.wait(lambda e: e.get("new_state") == "COMPLETE" and e["pid"] == pid)
        assert [e["topic"] for e in mine.all if "central" in e["topic"]] == []


def test_losing_the_database_in_the_middle_of_a_run_loses_nothing_and_delays_no_stop(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    (tmp_path / "counts.py").write_text(COUNTING)
    with serving(tmp_path / "state", OET_DATABASE_URL=centre, LOG_LEVEL="INFO") as server:
        with contextlib.closing(Events(server)) as events, contextlib.ExitStack() as again:
            pid = server.run(str(tmp_path / "counts.py"), str(tmp_path / "flag"))
            other = server.create("diehard.py")
            events.wait(lambda e: e.get("n") == 50)
            until(lambda: _everywhere(server, script="counts.py") != [])
            postgresql.kill()
            again.callback(lambda: postgresql.process.poll() is None or postgresql.start())  # type: ignore[union-attr]
            until(lambda: "away: " in str(server.get("/status")["stores"]["central_history"]))
            _a_server_without_its_database_works(server, other)
            seen = len(events.all)
            events.wait(lambda e: e.get("n", 0) > seen)
            for worker in ("central", "bus"):
                server.kill(worker)
            server.ready()
            until(lambda: _away(server))
            postgresql.start()
            until(lambda: server.get("/status")["stores"]["central_history"] == "ok")
            (tmp_path / "flag").touch()
            events.wait(lambda e: e.get("new_state") == "COMPLETE" and e["pid"] == pid)
            counted = [e["n"] for e in events.all if e["topic"] == "user.script.count"]
            assert counted == list(range(len(counted)))
    require_equal(postgresql, centre, 1, tmp_path / "state" / "journal.db")
    log = server.log.read_text()
    assert log.count("Stopped copying to the central history: ") == 2  # once for each CentralWorker
    assert log.count("the central history is up to date again\n") == 1
    assert PASSWORD not in log


def test_a_frozen_database_leaves_threads_for_the_rest_however_many_ask_for_it(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with serving(tmp_path / "state", OET_DATABASE_URL=centre, OET_WEB_THREADS="4") as server:
        pid = server.run("diehard.py", "sleeping")
        with postgresql.frozen(), ThreadPoolExecutor(8) as many:
            url = f"{server.url}/procedures?all_subarrays=true"
            # Of eight users; those of one would wait for each other.
            users = [{"Authorization": f"Bearer {n}"} for n in range(8)]
            asked = [many.submit(requests.get, url, headers=user, timeout=60) for user in users]
            busy = next(f.result() for f in as_completed(asked) if f.result().status_code == 429)
            assert "are waiting for the central history; try again" in busy.json()["detail"]
            assert server.stop_script(pid)["survivors"] == 0
            assert not all(answer.done() for answer in asked)  # it has waited for none of them
        assert {answer.result().status_code for answer in asked} == {429, 503}


def _away(server: Server) -> bool:
    with contextlib.suppress(KeyError, TypeError):
        return str(server.get("/status")["stores"]["central_history"]).startswith("away: ")
    return False


def _a_server_without_its_database_works(server: Server, other: int) -> None:
    root = server.url.split("/ska-oso-oet")[0]
    ready = requests.get(f"{root}/readyz", timeout=20)
    assert ready.status_code == 200
    said = {"journal": "ok", "central_history": "away", "audit_export": None}
    assert ready.json()["stores"] == said
    for path in ("/procedures?all_subarrays=true", "/stream?all_subarrays=true"):
        refused = server.request("GET", path, headers={"Accept": "*/*"})
        assert refused.status_code == 503
        assert refused.json()["detail"].startswith("the central history cannot be read at the moment (")
        assert "Retry-After" in refused.headers
    assert server.stop_script(other)["survivors"] == 0
    assert server.procedure(other)["state"] == "STOPPED"


def test_a_server_with_an_empty_state_directory_goes_on_where_the_central_history_is(
    tmp_path: Path, postgresql: PostgreSQL, centre: str
) -> None:
    with serving(tmp_path / "old", OET_DATABASE_URL=centre) as server:
        server.ended(server.run("endings.py", "raise"))
        ready = server.create("trivial.py")
        server.wait_state(ready, "READY")
        assert server.request("PUT", "/operator/wait_for_qa_ready", json={"action": "disable"}).ok
    head = postgresql.sql(centre, "SELECT max(seq) FROM oet_messages")[0][0]
    postgresql.kill()
    starting = Server(tmp_path / "new", OET_DATABASE_URL=centre)
    with contextlib.ExitStack() as ending:
        ending.callback(lambda: starting.process is not None and starting.stop())
        with _answering_when_asked(starting, postgresql):
            starting.start()
        assert [p["id"] for p in starting.get("/procedures")] == [1, ready]
        assert starting.procedure(1)["outcome"]["detail"] == "ValueError: a mistake"
        assert starting.procedure(ready)["outcome"]["detail"].endswith("the server was shut down")
        assert starting.get("/operator/wait_for_qa_ready")["wait_for_qa_ready"] is False
        assert starting.create("trivial.py") == ready + 1
        with contextlib.closing(Events(starting, after=head)) as events:
            assert events.wait(lambda e: "seq" in e)["seq"] == head + 1
    require_equal(postgresql, centre, 1, tmp_path / "new" / "journal.db")


@contextlib.contextmanager
def _answering_when_asked(server: Server, postgresql: PostgreSQL) -> Iterator[None]:
    """Start the database when the server has said that it waits for it, and has not begun without it."""
    import threading

    said = "Not accepting work yet: waiting for the central history ("

    def wait() -> None:
        until(lambda: server.log.exists() and said in server.log.read_text())
        postgresql.start()

    waiting = threading.Thread(target=wait)
    waiting.start()
    try:
        yield
    finally:
        waiting.join()
        if postgresql.process is None or postgresql.process.poll() is not None:
            postgresql.start()


def test_a_user_sees_the_subarrays_that_the_token_is_for(tmp_path: Path, pair: tuple[Server, Server]) -> None:
    for server in pair:
        server.ended(server.run("trivial.py"))
    _complete(pair[0], *pair)
    settings = {
        "OET_DATABASE_URL": pair[0].settings["OET_DATABASE_URL"],
        "OET_SUBARRAY_ID": "3",
        "OET_AUTH_SUBARRAY_CLAIM": "subarrays",
    }
    issuer = Issuer().start()
    try:
        with guarded(tmp_path / "state", issuer, **settings) as server:
            for claim, seen in (([3], set()), ([2, "3"], {2}), ("*", {1, 2})):
                headers = bearer(issuer.token(scope="oet:read", subarrays=claim))
                server.session.headers.update(headers)
                assert {p["subarray"] for p in _everywhere(server)} == seen
                with contextlib.closing(Events(server, all_subarrays="true", after=0)) as events:
                    events.wait(lambda e: e.get("subarray") == 3)
                    told = {e["subarray"] for e in events.all}
                    assert told - {3} == seen or seen == set()
                    assert told <= {3, *seen}
    finally:
        issuer.stop()


def _remembers(process: psutil.Process, *secrets: str) -> bool:
    """Whether one of these is in the memory of a process, as far as that may be read."""
    found = False
    with contextlib.suppress(PermissionError), open(f"/proc/{process.pid}/mem", "rb") as memory:
        for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
            begin, end = (int(place, 16) for place in line.split()[0].split("-"))
            with contextlib.suppress(OSError, ValueError):  # the kernel's own pages
                memory.seek(begin)
                content = memory.read(end - begin)
                found = found or any(secret.encode() in content for secret in secrets)
    return found


def test_the_password_is_told_to_nobody(tmp_path: Path, postgresql: PostgreSQL, centre: str) -> None:
    quoted = centre.split("//")[1].split("@")[0].split(":")[1]
    with serving(tmp_path / "state", OET_DATABASE_URL=centre, LOG_LEVEL="DEBUG") as server:
        pid = server.run("diehard.py", "sleeping")
        os_pid = server.procedure(pid)["pid"]
        for process in server.processes():
            shown = [*process.cmdline(), *process.environ().values()]
            assert not any(PASSWORD in word or quoted in word for word in shown)
        assert "OET_DATABASE_URL" not in psutil.Process(os_pid).environ()
        for role in ("bus", "ses", "activity", "rest"):
            assert not _remembers(server.worker(role), PASSWORD, quoted)
        assert not _remembers(psutil.Process(server.process.pid), PASSWORD, quoted)
        assert _remembers(server.worker("central"), quoted) or os.geteuid()
        server.stop_script(pid)
    wrong = centre.replace(quoted, "another%20secret")
    refused = oet_server(tmp_path / "none", OET_DATABASE_URL=wrong.replace("+psycopg", "+nonsense"))
    assert refused.returncode == 1
    central = subprocess.Popen(
        [sys.executable, "-m", "ska_oso_oet.server", "central"],
        env={**os.environ, **server.settings, "OET_DATABASE_URL": wrong},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert central.stderr is not None
    while "password authentication failed" not in (line := central.stderr.readline()):
        assert line
    central.kill()
    said = line + central.communicate()[1]
    for text in (server.log.read_text(), refused.stderr, refused.stdout, said):
        for secret in (PASSWORD, quoted, "another secret", "another%20secret"):
            assert secret not in text

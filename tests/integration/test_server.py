"""Starting, refusing to start, and ending."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests
from click.testing import CliRunner

from ska_oso_oet import administration
from ska_oso_oet import server as oet_server
from ska_oso_oet.settings import flags

from ..conftest import Events, Server, serving, until


def start(tmp_path: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ska_oso_oet.server", *words],
        env={**os.environ, "OET_STATE_DIR": str(tmp_path / "state"), "OET_PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_port_in_use_is_one_clear_line_and_a_status(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = start(tmp_path, OET_PORT=str(taken.getsockname()[1]))
    assert found.returncode == 1
    assert "Address already in use" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_it_does_not_start_where_another_program_would_be_taken_for_it(tmp_path: Path) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        found = start(tmp_path, OET_PORT=str(port))
    assert found.returncode == 1
    assert f"another program has port {port} of ::1" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_database_that_cannot_be_read_is_one_clear_line_and_a_status(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.db").write_text(
        "this is no database, but long enough to look like one" * 99
    )
    found = start(tmp_path, LOG_LEVEL="CRITICAL")
    assert found.returncode == 1
    assert f"the journal {tmp_path / 'state' / 'journal.db'} is damaged" in found.stderr
    assert "file is not a database" in found.stderr


def test_a_database_url_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    for url in (
        "nonsense:pass word",
        "postgresql:/user:pass word@host",
        "postgresql://x:pass word@host:port/x",
    ):
        found = start(tmp_path, OET_DATABASE_URL=url)
        assert found.returncode == 1
        assert "OET_DATABASE_URL cannot be used: " in found.stderr
        assert "pass word" not in found.stderr
        assert "Traceback" not in found.stderr


def test_a_default_repository_that_cannot_be_one_is_one_clear_line(tmp_path: Path) -> None:
    found = start(tmp_path, OET_GIT_REPO="--upload-pack=x")
    assert found.returncode == 1
    assert "OET_GIT_REPO cannot be used" in found.stderr


def test_a_state_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = start(tmp_path, OET_STATE_DIR=str(tmp_path / "file" / "below"))
    assert found.returncode == 1
    assert "the state directory cannot be used" in found.stderr


@pytest.mark.parametrize(
    "name, value", [("OET_PORT", "http"), ("OET_SUBARRAY_ID", "17"), ("OET_STOP_GRACE", "5 parsecs")]
)
def test_a_setting_that_does_not_parse_names_its_variable(tmp_path: Path, name: str, value: str) -> None:
    found = start(tmp_path, **{name: value})
    assert found.returncode == 1
    assert f"{name}={value!r} cannot be used" in found.stderr
    assert not (tmp_path / "state").exists()


def test_flags_are_told_in_a_sentence_as_there_are_none(tmp_path: Path) -> None:
    found = start(tmp_path, "flags")
    assert (found.returncode, found.stdout) == (0, "This release has no feature flags.\n")


@pytest.mark.parametrize("words", [(), ("flags",), ("bus",)])
def test_a_flag_that_does_not_exist_is_one_line_and_a_status(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "ska_oso_oet.ini").write_text("[features]\nfaster = yes\n")
    found = start(tmp_path, *words, HOME=str(home))
    assert found.returncode == 1
    told = "there is no feature flag 'faster'; known are: none"
    assert found.stderr == f"Error: {home}/ska_oso_oet.ini: {told}\n"


def test_each_flag_is_told_with_its_value_and_where_that_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = flags.Flag(name="faster", default=False, meaning="be faster")
    monkeypatch.setattr(administration, "FLAGS", (flag,))
    monkeypatch.setattr(administration, "read_flags", lambda environ: flags.read_flags(environ, (flag,)))
    told = CliRunner().invoke(oet_server.main, ["flags"], env={"OET_FEATURE_FASTER": "yes"})
    assert told.output == "faster = true (OET_FEATURE_FASTER): be faster\n"


def test_options_may_stand_before_and_after_the_name_of_a_worker(tmp_path: Path) -> None:
    for words in (("--port", "x", "rest"), ("rest", "--port", "x"), ("--port", "1", "rest", "--port", "x")):
        assert "OET_PORT='x' cannot be used" in start(tmp_path, *words).stderr


def test_an_address_beyond_loopback_is_refused(tmp_path: Path) -> None:
    found = start(tmp_path, OET_HOST="0.0.0.0")
    assert found.returncode == 1
    assert "OET_HOST=0.0.0.0 is not a loopback address" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_an_address_beyond_loopback_can_be_insisted_on(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_HOST="0.0.0.0", OET_AUTH="off") as server:
        assert "may command it" in server.log.read_text()


def test_help_lists_every_setting_with_its_default(tmp_path: Path) -> None:
    from ska_oso_oet.settings.variables import VARIABLES

    told = start(tmp_path, "--help").stdout
    for variable in VARIABLES.values():
        assert variable.name in told


def test_sigterm_stops_scripts_by_the_rules_and_ends_with_status_0(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        events = Events(server)
        pid = server.run("diehard.py", "cleans_up", 1)
        events.wait(lambda e: e.get("msg") == "here")
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        events.wait(lambda e: e["topic"] == "procedure.lifecycle.stopped" and e["result"]["id"] == pid)
        assert server.process.wait(20) == 0
        output = (server.state / "runs" / str(pid) / "output").read_text()
        assert "cleaned up" in output


@pytest.mark.parametrize("trouble", ["killed", "killed again and again", "hangs"])
def test_scripts_are_stopped_at_the_end_whatever_has_become_of_their_worker(
    tmp_path: Path, trouble: str
) -> None:
    with serving(tmp_path / "state", OET_STOP_GRACE="0.2 s", OET_WATCHDOG="3 s") as server:
        pid = server.run("diehard.py", "sleeping")
        if trouble == "hangs":
            server.worker("ses").suspend()
        for _ in range({"killed": 1, "killed again and again": 4}.get(trouble, 0)):
            until(lambda: _kill(server, "ses"))
        assert server.stop() == 0
        assert server.processes() == []
        server.start()
        assert server.procedure(pid)["state"] == "STOPPED"


def _kill(server: Server, role: str) -> bool:
    with contextlib.suppress(LookupError, psutil.Error):
        server.kill(role)
        return True
    return False


def test_a_forkserver_that_is_still_importing_does_not_outlive_the_server(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    with serving(tmp_path / "state", OET_PRELOAD="slow", PYTHONPATH=str(tmp_path)) as server:
        until(lambda: any("forkserver" in " ".join(process.cmdline()) for process in server.processes()))


def test_new_work_is_refused_while_the_server_shuts_down(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        events = Events(server)
        pid = server.run("diehard.py", "cleans_up", 1.5)
        events.wait(lambda e: e.get("msg") == "here")
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        events.wait(lambda e: e.get("stage") == "terminate")
        body = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}
        refused = server.request("POST", "/procedures", json=body)
        assert refused.status_code == 503
        assert (
            refused.json()["detail"] == "the server is shutting down; no new work is taken before it is back"
        )
        assert "Retry-After" in refused.headers
        assert server.procedure(pid)["id"] == pid
        events.close()


def test_a_worker_can_run_alone(tmp_path: Path) -> None:
    environ = {**os.environ, "OET_STATE_DIR": str(tmp_path / "state"), "OET_PORT": "0"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ["OET_PORT"] = str(port)
    roles = ("bus", "ses", "activity", "rest")
    workers = [subprocess.Popen([sys.executable, "-m", "ska_oso_oet.server", r], env=environ) for r in roles]
    try:
        until(lambda: requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200)
    finally:
        for worker in reversed(workers):
            worker.terminate()
            worker.wait(20)


def test_files_and_sockets_are_for_the_owner_only(new_server: Server) -> None:
    new_server.ended(new_server.run("trivial.py"))
    for path in [new_server.state, *new_server.state.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_state_directory_however_deep_works(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["quite_a_long_name_for_a_folder"] * 5)
    deep.mkdir(parents=True)
    with serving(deep / "state") as server:
        pid = server.run("diehard.py", "sleeping")
        server.kill("ses")
        server.stop_script(pid)


def test_log_lines_carry_worker_request_and_procedure(new_server: Server) -> None:
    new_server.ended(new_server.create("no_main.py"))
    pid = new_server.create("trivial.py")
    new_server.wait_state(pid, "READY")
    assert new_server.put(pid, state="STOPPED").status_code == 200
    assert new_server.put(pid, state="STOPPED").status_code == 409
    line = next(x for x in new_server.log.read_text().splitlines() if "it is already STOPPED" in x)
    fields = line.split("|")
    assert fields[0] == "1"
    assert fields[2] == "INFO"
    tags = dict(tag.split(":", 1) for tag in fields[6].split(","))
    assert tags["worker"] == "SESWorker"
    assert tags["procedure_id"] == str(pid)
    assert tags["request_id"]

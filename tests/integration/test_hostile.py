"""Scripts and clients that do, by mistake or on purpose, what nobody should."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from ..conftest import Events, Server, serving, until

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a script; returns its path."""

    def written(text: str) -> str:
        path = tmp_path / "script.py"
        path.write_text(text)
        return str(path)

    return written


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


TAKES_ITS_MARK_OFF = """
import os, resource, time
def main():
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
        resource.setrlimit(resource.RLIMIT_RTTIME, (hard, hard))
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            time.sleep(3600)
        os._exit(0)
    os.wait()
    print(os.read(reader, 20).decode(), flush=True)
    time.sleep(3600)
"""

LEADER_ENDS = """
import ctypes, os, threading, time
def main():
    child = os.fork()
    if child == 0:
        os.setsid()
        threading.Thread(target=time.sleep, args=(3600,)).start()
        ctypes.CDLL(None).syscall(60, 0)
    print(child, flush=True)
    time.sleep(3600)
"""


@pytest.mark.parametrize("text", [TAKES_ITS_MARK_OFF, LEADER_ENDS])
def test_a_process_that_hides_does_not_survive_a_stop(server: Server, write: Write, text: str) -> None:
    pid = server.run(write(text))
    until(lambda: server.output(pid).endswith("\n"))
    child = int(server.output(pid))
    assert server.stop_script(pid)["survivors"] == 0
    assert not os.path.exists(f"/proc/{child}/task") or gone(child)
    assert not os.path.exists(f"/proc/{child}/task") or len(os.listdir(f"/proc/{child}/task")) < 2


def test_a_run_whose_directory_is_gone_is_not_left_alive_by_a_crash(own_server: Server) -> None:
    pid = own_server.run("diehard.py", "sleeping")
    os_pid = own_server.procedure(pid)["pid"]
    shutil.rmtree(own_server.state / "runs" / str(pid))
    own_server.kill("ses")
    found = own_server.ended(pid)
    assert (found["state"], found["outcome"]["reason"]) == ("FAILED", "lost")
    assert gone(os_pid)


def test_a_child_that_returns_from_main_does_not_end_the_script(server: Server, write: Write) -> None:
    text = (
        "import os, time\n"
        "def main(way):\n"
        "    if os.fork() == 0:\n"
        "        if way == 'raise':\n"
        "            raise ValueError('in the child')\n"
        "        return\n"
        "    os.wait()\n"
        "    time.sleep(2.5)\n"
        "    print('the parent is done')\n"
    )
    for way in ("return", "raise"):
        pid = server.run(write(text), way)
        assert server.ended(pid)["outcome"]["reason"] == "completed"
        assert server.output(pid, stream="stdout") == "the parent is done\n"


def test_children_may_publish_at_the_same_time(server: Server, write: Write) -> None:
    text = (
        "import os\nfrom pubsub import pub\n"
        "def main():\n"
        "    for child in range(4):\n"
        "        if os.fork() == 0:\n"
        "            for n in range(10):\n"
        "                pub.sendMessage('user.big', child=child, n=n, data='x' * 300_000)\n"
        "            os._exit(0)\n"
        "    for _ in range(4):\n"
        "        os.wait()\n"
    )
    events = Events(server, topics="user.big,procedure.lifecycle")
    pid = server.run(write(text))
    events.wait(lambda e: e.get("new_state") == "COMPLETE" and e["pid"] == pid)
    told = sorted((e["child"], e["n"]) for e in events.all if e["topic"] == "user.big")
    assert told == [(child, n) for child in range(4) for n in range(10)]
    events.close()


def test_a_signal_handler_may_publish(server: Server, write: Write) -> None:
    text = (
        "import os, signal, threading, time\nfrom pubsub import pub\n"
        "def main():\n"
        "    signal.signal(signal.SIGUSR1, lambda *_: pub.sendMessage('user.signal'))\n"
        "    def send():\n"
        "        for _ in range(60):\n"  # handlers of many more would be nested too deep on a busy machine
        "            os.kill(os.getpid(), signal.SIGUSR1)\n"
        "            time.sleep(0.005)\n"
        "    sender = threading.Thread(target=send)\n"
        "    sender.start()\n"
        "    while sender.is_alive():\n"
        "        pub.sendMessage('user.work', data='x' * 1000)\n"
    )
    # It publishes as long as it may, and is held back; on a busy machine that takes long.
    assert server.ended(server.run(write(text)), timeout=90)["state"] == "COMPLETE"


def test_coroutines_clean_up_when_they_are_stopped(server: Server, write: Write) -> None:
    text = (
        "import asyncio\n"
        "async def work():\n"
        "    try:\n"
        "        print('working', flush=True)\n"
        "        await asyncio.sleep(3600)\n"
        "    finally:\n"
        "        await asyncio.sleep(0.3)\n"
        "        print('cleaned up')\n"
        "def main():\n"
        "    asyncio.run(work())\n"
    )
    pid = server.run(write(text))
    until(lambda: "working" in server.output(pid))
    server.stop_script(pid)
    assert server.output(pid, stream="stdout") == "working\ncleaned up\n"
    assert server.procedure(pid)["state"] == "STOPPED"


def test_a_script_that_closes_every_descriptor_can_still_end_well(server: Server, write: Write) -> None:
    pid = server.run(write("import os\ndef main():\n    os.closerange(3, 4096)\n"))
    assert server.ended(pid)["state"] == "COMPLETE"


@pytest.mark.parametrize(
    "head", [b"", b"GET /livez HT", b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx"]
)
def test_slow_and_silent_clients_keep_nobody_waiting(server: Server, head: bytes) -> None:
    port = int(server.url.split(":")[2].split("/")[0])
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    try:
        for client in clients:
            client.sendall(head)
        pid = server.create("trivial.py")
        answer = requests.put(f"{server.url}/procedures/{pid}", json={"state": "STOPPED"}, timeout=4)
        assert answer.status_code == 200
    finally:
        for client in clients:
            client.close()


def test_a_request_that_arrives_byte_by_byte_is_answered(server: Server) -> None:
    port = int(server.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n":
            client.sendall(bytes([byte]))
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_files_that_hang_do_not_hold_up_the_service(server: Server, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.py"
    os.mkfifo(fifo)
    body = {"script": {"script_type": "filesystem", "script_uri": f"file://{fifo}"}}
    for _ in range(10):
        refused = server.request("POST", "/procedures", json=body)
        assert refused.status_code == 422
        assert "not a regular file" in refused.json()["detail"]
    assert server.ended(server.run("trivial.py"))["state"] == "COMPLETE"


def test_an_idempotency_key_of_another_request_is_refused_and_changes_nothing(server: Server) -> None:
    pid = server.create("diehard.py")
    server.wait_state(pid, "READY")
    headers = {"Idempotency-Key": "the same"}
    start = {"state": "RUNNING", "script_args": {"main": {"args": ["sleeping"]}}}
    path = f"/procedures/{pid}"
    assert server.request("PUT", path, json=start, headers=headers).status_code == 200
    assert server.request("PUT", path, json={"state": "STOPPED"}, headers=headers).status_code == 422
    assert server.procedure(pid)["state"] == "RUNNING"
    server.stop_script(pid)


def test_a_body_with_a_bad_chunk_is_400(server: Server) -> None:
    host, _, path = server.url.removeprefix("http://").partition("/")
    name, port = host.split(":")
    with socket.create_connection((name, int(port))) as client:
        client.sendall(
            f"POST /{path}/procedures HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n".encode()
        )
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def test_a_line_without_end_does_not_make_the_tail_huge(server: Server, write: Write) -> None:
    pid = server.run(write("def main():\n    print('x' * 5_000_000, end='')\n"))
    server.ended(pid)
    assert len(server.output(pid, tail=1)) <= 256 * 1024


def test_an_abort_that_fails_is_told_though_the_service_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "abort.py"
    script.write_text(
        "import time\ndef main(subarray_id):\n    time.sleep(1.5)\n    raise RuntimeError('no')\n"
    )
    with serving(tmp_path / "state", OET_ABORT_SCRIPT=str(script)) as server:
        events = Events(server)
        server.stop_script(server.run("diehard.py", "sleeping"), abort=True)
        server.kill("ses")
        events.wait(lambda e: e["topic"] == "procedure.abort.failed")
        events.close()


def test_an_abort_that_was_asked_for_runs_though_the_server_was_away(tmp_path: Path) -> None:
    script = tmp_path / "abort.py"
    script.write_text("def main(subarray_id):\n    pass\n")
    with serving(tmp_path / "state", OET_ABORT_SCRIPT=str(script), OET_STOP_GRACE="5 s") as server:
        events = Events(server)
        pid = server.run("diehard.py", "cleans_up", 1)
        events.wait(lambda e: e.get("msg") == "here")
        with pytest.raises(requests.RequestException):
            _stop_and_kill(server, events, pid)
        until((server.state / "runs" / str(pid) / "result.json").exists)
        server.start()
        until(lambda: any(p["id"] != pid and p["state"] == "COMPLETE" for p in server.get("/procedures")))


def _stop_and_kill(server: Server, events: Events, pid: int) -> None:
    import threading

    def kill() -> None:
        events.wait(lambda e: e.get("stage") == "terminate")
        assert server.process is not None
        server.process.kill()
        server.process.wait()
        assert server.process.stdout is not None
        server.process.stdout.close()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        server.stop_script(pid, abort=True)
    finally:
        killer.join()


def test_a_stop_is_prompt_though_the_service_was_killed_in_a_flood(own_server: Server) -> None:
    events = Events(own_server, topics="user.script.flood")
    pid = own_server.run("floods.py", "messages", 10**9)
    for n in (2_000, 20_000):
        events.wait(lambda e, n=n: e.get("n", 0) > n)
        own_server.kill("ses")
    assert own_server.stop_script(pid)["survivors"] == 0
    # And not: its supervisor did not answer. It once read the whole history again and again.
    assert own_server.procedure(pid)["outcome"]["detail"] == "stopped on request"
    events.close()


def test_a_script_that_sets_the_clock_on_its_head_harms_nobody(own_server: Server, tmp_path: Path) -> None:
    script = tmp_path / "clock.py"
    script.write_text(
        "import glob, json, os, socket, time\nfrom pubsub import pub\n"
        "def main():\n"
        "    time.time = lambda: float('nan')\n"
        "    pub.sendMessage('user.a', x=1)\n"
        "    for fd in range(700, 720):\n"  # and forges what the engine would say
        "        for at in ('NaN', '1e999', '\"x\"', 'null', '-5'):\n"
        '            line = \'{"say": "message", "time": %s, "topic": "user.b", \'\n'
        '            line += \'"payload": {"x": NaN, "y": 1e999}}\\n\'\n'
        "            try:\n                os.write(fd, (line % at).encode())\n"
        "            except OSError:\n                pass\n"
    )
    events = Events(own_server, topics="user,procedure")
    assert own_server.ended(own_server.run(str(script)))["state"] == "COMPLETE"
    began = own_server.process and psutil.Process(own_server.process.pid).create_time()
    assert began is not None
    for topic in ("user.a", "user.b"):
        assert events.wait(lambda e, topic=topic: e["topic"] == topic)["time"] > began - 60  # type: ignore[misc]
    assert [e["x"] for e in events.all if e["topic"] == "user.b"] == ["NaN"] * 5
    events.close()
    own_server.kill("ses")
    own_server.ready()
    assert own_server.ended(own_server.run("trivial.py"))["state"] == "COMPLETE"


def test_a_script_cannot_say_what_happened_before_its_code_ran(own_server: Server, write: Write) -> None:
    lock = own_server.state / "forged.lock"
    lock.touch()
    text = (
        "import json, os, time\nfrom pubsub import pub\n"
        "def main():\n"
        f"    forged = [{{'say': 'prepared', 'uses': [{str(lock.with_suffix(''))!r}]}},\n"
        "              {'say': 'loaded'}, {'say': 'initialised'},\n"
        "              {'say': 'calling', 'main': {'args': ['forged']}},\n"
        "              {'say': 'resolved', 'commit': 'f' * 40, 'branch': 'forged'}]\n"
        "    for fd in range(700, 720):\n"
        "        for line in forged:\n"
        "            try:\n                os.write(fd, json.dumps(line | {'time': 1}).encode() + b'\\n')\n"
        "            except OSError:\n                pass\n"
        "    pub.sendMessage('user.said')\n"
        "    time.sleep(60)\n"
    )
    events = Events(own_server, topics="user")
    pid = own_server.run(write(text))
    events.wait(lambda e: e["topic"] == "user.said")
    with open(lock) as file:  # the supervisor would use, for this run, whatever it believes
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    found = own_server.procedure(pid)
    assert [state for state, _ in found["history"]["process_states"]][-2:] == ["READY", "RUNNING"]
    assert "forged" not in json.dumps(found)
    own_server.stop_script(pid)
    events.close()


SAYS_IT_IS_READY_AND_HEARS_NOTHING = """
import json, os, time
for fd in range(700, 720):
    try:
        os.write(fd, json.dumps({"say": "loaded", "time": 1}).encode() + b"\\n")
    except OSError:
        pass
time.sleep(3600)
def main(**kwargs):
    pass
"""


def test_a_script_that_hears_nothing_is_stopped_by_its_supervisor(own_server: Server, write: Write) -> None:
    pid = own_server.create(write(SAYS_IT_IS_READY_AND_HEARS_NOTHING))
    own_server.wait_state(pid, "READY")
    events = Events(own_server, topics="request")
    body = {"state": "RUNNING", "script_args": {"main": {"args": ["x" * 900_000]}}}
    starting = threading.Thread(target=lambda: own_server.put(pid, **body))
    starting.start()
    events.wait(lambda e: e["topic"] == "request.procedure.start")
    own_server.stop_script(pid)
    starting.join()
    events.close()
    outcome = own_server.procedure(pid)["outcome"]
    assert outcome["reason"] == "stopped"
    assert [stage for stage, _ in outcome["stages"]] == ["intent", "terminate", "verified"]


LEASES = """
import fcntl, os, signal, time
def main():
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    files = [open(f"../{name}.json") for name in ("spec", "process")]
    for file in files:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    print("held", flush=True)
    time.sleep(3600)
"""


def test_leases_on_the_files_of_a_run_keep_no_service_from_starting(own_server: Server, write: Write) -> None:
    pid = own_server.run(write(LEASES))
    until(lambda: own_server.output(pid) == "held\n")
    script = own_server.procedure(pid)["pid"]
    other = own_server.create("trivial.py")
    own_server.wait_state(other, "READY")
    own_server.kill("ses")
    own_server.stop_script(other)
    assert own_server.ended(pid)["outcome"]["reason"] in ("lost", "killed")  # nothing told who supervised it
    assert gone(script)


def test_a_script_that_removes_its_run_directory_ends_as_it_would(own_server: Server, tmp_path: Path) -> None:
    script = tmp_path / "rm.py"
    script.write_text(
        "import os, shutil\ndef main():\n    shutil.rmtree(os.path.dirname(os.getcwd()))\n"
        "    for _ in range(10):\n        os.write(1, b'z' * 20_000_000)\n"
    )
    assert own_server.ended(own_server.run(str(script)))["state"] == "COMPLETE"
    assert "Traceback" not in own_server.log.read_text()
    assert own_server.ended(own_server.run("trivial.py"))["state"] == "COMPLETE"


#: Writes lines to the descriptor on which the engine talks to its supervisor.
FORGE = (
    "import json, os, resource, subprocess, sys, time\nfrom pubsub import pub\n"
    "def forge(line):\n"
    "    for fd in range(700, 720):\n"
    "        try:\n            os.write(fd, line + b'\\n')\n            return\n"
    "        except OSError:\n            pass\n"
)


def test_a_message_of_any_depth_silences_nobody(own_server: Server, write: Write) -> None:
    text = FORGE + (
        "def main():\n"
        "    for depth in (150, 300, 974, 5000):\n"
        "        value = b'[' * depth + b']' * depth\n"
        '        head = b\'{"say":"message","topic":"user.deep%d","payload":{"a":\' % depth\n'
        "        forge(head + value + b'}}')\n"
        "    pub.sendMessage('user.after')\n"
    )
    events = Events(own_server, topics="user")
    pid = own_server.run(write(text))
    events.wait(lambda e: e["topic"] == "user.after")
    assert own_server.ended(pid)["state"] == "COMPLETE"
    assert events.topics("user") == ["user.deep150", "user.after"]
    events.close()
    own_server.kill("ses")
    own_server.ready()
    assert own_server.ended(own_server.run("trivial.py"))["state"] == "COMPLETE"


def test_a_flood_of_messages_that_are_dropped_is_two_lines_in_the_log(
    own_server: Server, write: Write
) -> None:
    text = FORGE + (
        "def main():\n"
        "    for _ in range(50):\n"
        '        forge(b\'{"say":"message","topic":"procedure.lifecycle.failed","payload":{}}\')\n'
    )
    pid = own_server.run(write(text))
    assert own_server.ended(pid)["state"] == "COMPLETE"
    log = own_server.log.read_text()
    assert log.count(f"Dropped a message of procedure {pid}: ") == 1
    assert f"messages of procedure {pid} in all" in log


#: Has a child that takes its mark off, tells its number, and waits.
HIDES = FORGE + (
    "def main():\n"
    "    hides = 'import os, resource, time; os.setsid(); '\n"
    "    hides += 'resource.setrlimit(resource.RLIMIT_RTTIME, (-1, -1)); '\n"
    "    hides += 'print(1, flush=True); time.sleep(600)'\n"
    "    child = subprocess.Popen([sys.executable, '-c', hides], stdout=subprocess.PIPE)\n"
    "    child.stdout.readline()\n"
    "    pub.sendMessage('user.hidden', number=child.pid)\n"
    "    time.sleep(600)\n"
)


@pytest.mark.parametrize(
    "line",
    [
        "{}", "[]", "7", "null", '{"say": 7}', '{"say": "heard"}', '{"say": "heard", "n": "x"}',
        '{"say": "failed"}',
        '{"say": "exited", "phase": "main", "status": null, "detail": null}', '{"say": "calling", "main": 5}',
        '{"say": "message", "topic": "user.x"}', '{"say": "closing"}',
        '{"say": "loaded", "init": {"args": 1}}', '{"say": "returned", "status": {"a": 1}}',
    ],
)  # fmt: skip
def test_what_no_runner_would_say_brings_no_supervisor_down(
    server: Server, write: Write, tmp_path: Path, line: str
) -> None:
    """Nor does it let go of what the script has started and hidden."""
    text = FORGE + (
        "def main():\n"
        "    hides = 'import os, resource, time; os.setsid(); '\n"
        "    hides += 'resource.setrlimit(resource.RLIMIT_RTTIME, (-1, -1)); time.sleep(600)'\n"
        f"    child = subprocess.Popen([sys.executable, '-c', hides, {str(tmp_path)!r}])\n"
        "    print(child.pid)\n"
        f"    forge({line!r}.encode())\n"
        "    pub.sendMessage('user.after')\n"
    )
    events = Events(server, topics="user")
    pid = server.run(write(text))
    events.wait(lambda e: e["topic"] == "user.after")
    assert server.ended(pid)["state"] == "COMPLETE"
    assert gone(int(server.output(pid)))
    events.close()


def test_what_a_killed_supervisor_leaves_behind_is_killed_though_it_hides(
    own_server: Server, write: Write
) -> None:
    events = Events(own_server, topics="user")
    pid = own_server.run(write(HIDES))
    hidden = events.wait(lambda e: e["topic"] == "user.hidden")["number"]
    next(p for p in own_server.processes() if p.name() == f"oet-super-{pid}").kill()
    assert own_server.ended(pid)["outcome"]["reason"] == "lost"
    until(lambda: gone(hidden))
    events.close()


def test_a_mark_on_the_server_or_on_another_run_harms_neither(own_server: Server, write: Write) -> None:
    other = own_server.create("trivial.py")
    own_server.wait_state(other, "READY")
    waiting = ("oet-super", "oet-script")  # one of them becomes the run itself
    others = [p.pid for p in own_server.processes() if p.name() not in waiting]
    others.append(own_server.procedure(other)["pid"])
    text = (
        "import resource\n"
        "def main(*pids):\n"
        "    mark = resource.getrlimit(resource.RLIMIT_RTTIME)\n"
        "    for pid in pids:\n"
        "        resource.prlimit(pid, resource.RLIMIT_RTTIME, mark)\n"
    )
    pid = own_server.run(write(text), *others)
    assert own_server.ended(pid)["state"] == "COMPLETE"
    assert own_server.procedure(other)["state"] == "READY"
    alive = {process.pid for process in own_server.processes()}
    assert set(others) <= alive
    own_server.stop_script(other)


def test_a_flood_on_the_bus_by_who_has_not_said_who_it_is_is_cut_off(own_server: Server) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(own_server.state / "bus.sock"))
        with pytest.raises(OSError):  # noqa: PT011  broken pipe, or reset
            for _ in range(1000):
                connection.sendall(b"x" * 65536)
    assert own_server.ended(own_server.run("trivial.py"))["state"] == "COMPLETE"


def test_a_hidden_process_is_killed_though_the_service_was_restarted_and_its_supervisor_killed(
    own_server: Server, write: Write
) -> None:
    events = Events(own_server, topics="user")
    pid = own_server.run(write(HIDES))
    hidden = events.wait(lambda e: e["topic"] == "user.hidden")["number"]
    events.close()
    own_server.kill("ses")
    own_server.ready()
    next(p for p in own_server.processes() if p.name() == f"oet-super-{pid}").kill()
    assert own_server.ended(pid)["outcome"]["reason"] == "lost"
    until(lambda: gone(hidden))


def test_children_that_go_on_talking_do_not_hold_up_the_end(own_server: Server, write: Write) -> None:
    text = FORGE + (
        "def main():\n"
        "    for _ in range(3):\n"
        "        if not os.fork():\n"
        "            while True:\n"
        '                forge(b\'{"say":"message","topic":"user.x","payload":{}}\')\n'
        "                forge(b'\\n' * 1000)\n"
        "    os._exit(0)\n"
    )
    warning = "not messages of a runner"
    warned = own_server.log.read_text().count(warning)
    pid = own_server.run(write(text))
    assert own_server.ended(pid)["state"] in ("COMPLETE", "FAILED")
    until(lambda: not [p for p in own_server.processes() if p.name() == f"oet-super-{pid}"])
    warnings = [line for line in own_server.log.read_text().splitlines() if warning in line][warned:]
    assert [line.split("|")[6] for line in warnings] == [f"worker:supervisor,procedure_id:{pid}"]


def test_a_message_that_is_too_long_is_told_in_the_script(own_server: Server, write: Write) -> None:
    text = (
        "from pubsub import pub\n"
        "def main():\n"
        "    try:\n        pub.sendMessage('user.long', text='x' * 9_000_000)\n"
        "    except ValueError as error:\n        print(error)\n"
    )
    pid = own_server.run(write(text))
    assert own_server.ended(pid)["state"] == "COMPLETE"
    assert "is too long; 8388608 are allowed" in own_server.output(pid)

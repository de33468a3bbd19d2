"""Processes that start one another without end: their zombies are buried in time, and a stop ends them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Server, serving
from .test_process_one import ProcessOne

#: Chains of processes, each of which ends as soon as it has started the next; they hide from their run.
CHAINS = r"""
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **words) {
    time_t end = time(0) + 60;
    struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_RTTIME, &none);
    signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < atoi(words[1]); i++)
        if (!fork()) {
            setsid();
            while (time(0) < end)
                if (fork() > 0) _exit(0);
            _exit(0);
        }
    return 0;
}
"""
#: The same, with few processes that take their time.
SLOW = """
import os, resource, signal, sys, time
end = time.time() + 20
resource.setrlimit(resource.RLIMIT_RTTIME, (-1, -1))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    while time.time() < end:
        time.sleep(0.001)
        if os.fork():
            os._exit(0)
"""
SCRIPT = """
import subprocess, time
def started():
    with open("/proc/stat") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("processes "))

def main(many, *command):
    until = started() + many
    subprocess.run(command, check=True)
    while started() < until:
        time.sleep(0.01)
    print("many", flush=True)
    time.sleep(300)
"""


class Crowded(ProcessOne):
    """A server in a process namespace of its own, which has few numbers, so that no other suffers."""

    _FEW = ("sh", "-c", 'echo 8000 > /proc/sys/kernel/pid_max && exec "$@"', "sh")
    command = (*ProcessOne.command[: -len(Server.command)], *_FEW, *Server.command)


def _has_numbers_of_its_own() -> bool:
    """Whether a namespace can have few numbers: before Linux 6.14 they would be few everywhere."""
    release = tuple(int(word) for word in platform.release().split(".")[:2])
    words = Crowded.command[: -len(Server.command)]
    return release >= (6, 14) and subprocess.run([*words, "true"], capture_output=True).returncode == 0


@pytest.fixture
def breeding(tmp_path: Path) -> Iterator[tuple[Server, int, list[str]]]:
    """A server, and a command that starts many processes as fast as it can without harm to others."""
    if _has_numbers_of_its_own():
        source, program = tmp_path / "chains.c", tmp_path / "chains"
        source.write_text(CHAINS)
        subprocess.run(["cc", "-O1", "-o", program, source], check=True)
        server = Crowded(tmp_path / "state")
        server.start()
        yield server, 30_000, [str(program), str(4 * (os.cpu_count() or 2))]
        assert server.stop() == 0
        assert server.processes() == []
    else:
        with serving(tmp_path / "state") as ordinary:
            yield ordinary, 1000, [sys.executable, "-c", SLOW]


def test_a_stop_ends_processes_that_start_one_another(
    breeding: tuple[Server, int, list[str]], tmp_path: Path
) -> None:
    server, many, command = breeding
    script = tmp_path / "breeds.py"
    script.write_text(SCRIPT)
    pid = server.run(str(script), many, *command)
    while "many" not in server.output(pid):
        time.sleep(0.01)
    server.stop_script(pid)
    found = server.procedure(pid)
    assert found["outcome"]["reason"] == "stopped"
    assert found["outcome"]["stages"][-1][0] == "verified"
    assert server.ended(server.run("trivial.py"))["state"] == "COMPLETE"


#: A supervisor's reaper, whose runner ends among thousands of other children.
BURIES = """
import asyncio, os, signal, sys
from ska_oso_oet.supervision.exit_status import Reaper

read, write = os.pipe()
opened = 0
def note(event, arguments):
    global opened
    opened += event == "open" and str(arguments[0]).startswith("/proc")

def start(status):
    child = os.fork()
    if child == 0:
        os.read(read, 1)
        os._exit(status)
    return child

async def bury():
    runner, others = start(7), [start(0) for _ in range(500)]
    told = []
    reaper = Reaper(runner, lambda: told.append(1))
    os.write(write, bytes(501))
    for _ in range(2000):
        os.kill(os.getpid(), signal.SIGCHLD)
    sys.addaudithook(note)
    while children_left() or not told:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    print(reaper.exit_of_runner(), told, opened)

def children_left():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    except ChildProcessError:
        return False

asyncio.run(bury())
"""


def test_children_are_buried_without_a_look_at_each_and_the_exit_status_of_the_runner_is_kept() -> None:
    said = subprocess.run([sys.executable, "-c", BURIES], capture_output=True, text=True, timeout=60)
    assert (said.stdout, said.stderr) == ("(7, None) [1] 0\n", "")

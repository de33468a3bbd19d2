"""A forked child begins as an executed one: with nothing of its parent's but what it is given."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PARENT = """
import asyncio, json, os, random, signal, socket, sys
from ska_oso_oet.kernel.forking import fork

given, other = os.pipe()
random.seed(1)

async def answers():
    with socket.socketpair()[0] as end:
        asyncio.get_running_loop().add_reader(end, end.close)
        return await asyncio.sleep(0, "as ever")

def program():
    how = {signal.SIG_DFL: "default", signal.SIG_IGN: "ignored", signal.default_int_handler: "raises"}
    files = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd") if int(name) > 2]
    handled = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
    said = {
        "descriptors": [os.readlink(file) for file in files if os.path.lexists(file)],
        "input": os.readlink("/proc/self/fd/0"),
        "signals": {one.name: how.get(signal.getsignal(one)) for one in handled},
        "ignored": how.get(signal.getsignal(signal.SIGHUP)),
        "blocked": [s.name for s in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "leads": os.getsid(0) == os.getpid() == os.getpgrp(),
        "command": open("/proc/self/cmdline").read().rstrip("\\0"),
        "random": random.random(),
        "loop": asyncio.run(answers()),
    }
    print(json.dumps(said))
    ENDING

async def main():
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        loop.add_signal_handler(number, ended.set)
    child = fork(program, [given], "a child")
    await ended.wait()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), random.Random(1).random(), given)
    loop.add_reader(given, ended.clear)  # what watches descriptors does so still
    os.write(other, b"!")
    while ended.is_set():
        await asyncio.sleep(0)
    print(os.readlink(f"/proc/self/fd/{given}"))

with open(sys.argv[0]) as inherited:
    os.set_inheritable(inherited.fileno(), True)
    asyncio.run(main())
"""


def forked(folder: Path, ending: str = "") -> tuple[dict[str, Any], list[str], str]:
    """What a child says, what its parent does, and what both say on stderr."""
    (folder / "parent.py").write_text(PARENT.replace("ENDING", ending))
    command = [sys.executable, folder / "parent.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    child, *parent = done.stdout.splitlines()
    return json.loads(child), " ".join(parent).split(), done.stderr


def test_a_child_has_nothing_of_its_parent_but_what_it_is_given(tmp_path: Path) -> None:
    child, (status, parents, _, pipe), said = forked(tmp_path)
    assert child["random"] != float(parents)
    del child["random"]
    assert child == {
        "descriptors": [pipe],
        "input": "/dev/null",
        "signals": {"SIGTERM": "default", "SIGINT": "raises", "SIGCHLD": "default"},
        "ignored": "ignored",
        "blocked": [],
        "leads": True,
        "command": "a child",
        "loop": "as ever",
    }
    assert (status, said) == ("0", "")


def test_its_exit_status_is_that_of_a_program(tmp_path: Path) -> None:
    for ending, status in (("sys.exit(78)", "78"), ("sys.exit()", "0"), ("os._exit(3)", "3")):
        assert forked(tmp_path, f"sys.stdout.flush(); {ending}")[1][0] == status
    _, (status, *_), said = forked(tmp_path, "raise LookupError('lost')")
    assert status == "1"
    assert said.endswith("LookupError: lost\n")

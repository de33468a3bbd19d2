"""Tries what a script has no business with, and says what of it could be done."""

import ctypes
import fcntl
import json
import os
import platform
import resource
import signal
import socket


def _read(path):
    with open(path, "rb") as file:
        return len(file.read(1))


def _append(path):
    with open(path, "ab"):
        return "opened"


def _connect(path, *frames):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(path)
        for frame in frames:
            connection.sendall(json.dumps(frame).encode() + b"\n")
        answer = connection.recv(4096)
        if not answer:
            raise ConnectionError("turned away")
        return answer.decode(errors="replace")


def _signal(pid):
    os.kill(pid, 0)  # would it be delivered?
    return "allowed"


def _lease(path):
    with open(path) as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)


def _limit(pid):
    of_run = resource.getrlimit(resource.RLIMIT_RTTIME)
    resource.setrlimit(resource.RLIMIT_RTTIME, of_run)  # its own it may set
    resource.prlimit(pid, resource.RLIMIT_RTTIME, of_run)


def _keyring():
    number = {"x86_64": 250, "aarch64": 219}[platform.machine()]
    if ctypes.CDLL(None, use_errno=True).syscall(number, 0, -3, 1) < 0:  # the id of the session's
        raise OSError(ctypes.get_errno(), "keyctl")


_DEEDS = {
    "read": _read,
    "list": lambda path: len(os.listdir(path)),
    "append": _append,
    "make": lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)),
    "remove": os.unlink,
    "link": lambda path: os.link(path, "linked"),
    "signal": _signal,
    "memory": lambda pid: os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR)),
    "environment": lambda pid: _read(f"/proc/{pid}/environ"),
    "descriptors": lambda pid: os.readlink(f"/proc/{pid}/fd/0"),
    "connect": _connect,
    "lease": _lease,
    "keyring": _keyring,
    "limit": _limit,
    "uid": lambda: os.setresuid(0, 0, 0),
}


def init(**kwargs):
    pass


def main(deeds, **kwargs):
    found = {}
    for name, *arguments in deeds:
        key = " ".join([name, *map(str, arguments[:1])])
        try:
            found[key] = f"done: {_DEEDS[name](*arguments)}"
        except Exception as error:
            found[key] = type(error).__name__
    print(json.dumps(found))

"""Every way to end."""

import ctypes
import os
import signal
import sys


def main(way, *args):
    print(f"ending by {way}", flush=True)
    ways[way](*args)


def _raise(text="a mistake"):
    raise ValueError(text)


def _segfault():
    ctypes.string_at(0)


def _hoard():
    kept = []
    while True:
        kept.append(bytearray(16 * 2**20))


ways = {
    "return": lambda: None,
    "raise": _raise,
    "sys_exit": sys.exit,
    "os_exit": os._exit,
    "signal": lambda number: os.kill(os.getpid(), number),
    "sigkill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": _segfault,
    "memory": _hoard,
}

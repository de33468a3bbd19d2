"""PyTango: a server that is frozen."""

import os
import signal
import time

import tango
from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    proxy = tango.DeviceProxy(os.environ["SLOW_TRL"])
    proxy.set_timeout_millis(300)
    proxy.ping()
    server = int(os.environ["SLOW_PID"])
    marks.begun("main")
    os.kill(server, signal.SIGSTOP)
    try:
        marks.here()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                proxy.read_attribute("quick")
            except tango.DevFailed:
                pass
    finally:
        os.kill(server, signal.SIGCONT)
        marks.cleaned("main")

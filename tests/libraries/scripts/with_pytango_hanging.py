"""PyTango: a command that outlasts its time limit."""

import os
import time

import tango
from marks import Marks


def make_safe(marks, proxy):
    for _ in range(5):
        time.sleep(0.01)
    marks.cleaned("main")


def main(folder, seconds):
    marks = Marks(folder)
    proxy = tango.DeviceProxy(os.environ["SLOW_TRL"])
    proxy.set_timeout_millis(1000)
    marks.begun("main")
    try:
        marks.here()
        proxy.command_inout("Take", min(seconds, 2.0))
    finally:
        make_safe(marks, proxy)

"""PyTango."""

import os
import time

import tango
from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    proxy = tango.DeviceProxy(os.environ["SLOW_TRL"])
    until = time.monotonic() + seconds
    marks.begun("main")
    try:
        marks.here()
        while time.monotonic() < until:
            proxy.read_attribute("quick")
            proxy.command_inout("Take", 0.05)
    finally:
        proxy.command_inout("Take", 0.1)
        marks.cleaned("main")

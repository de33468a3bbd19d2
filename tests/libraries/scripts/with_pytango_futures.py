"""PyTango: green mode futures."""

import os
import time

from marks import Marks
from tango.futures import DeviceProxy


def main(folder, seconds):
    marks = Marks(folder)
    proxy = DeviceProxy(os.environ["SLOW_TRL"])
    until = time.monotonic() + seconds
    marks.begun("main")
    try:
        marks.here()
        while time.monotonic() < until:
            proxy.read_attribute("quick", wait=False).result()
            proxy.command_inout("Take", 0.05)
    finally:
        proxy.command_inout("Take", 0.1)
        marks.cleaned("main")

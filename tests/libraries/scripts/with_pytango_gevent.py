"""PyTango: green mode gevent."""

import os
import time

import gevent
from marks import Marks
from tango.gevent import DeviceProxy


def main(folder, seconds):
    marks = Marks(folder)
    proxy = DeviceProxy(os.environ["SLOW_TRL"])
    until = time.monotonic() + seconds
    marks.begun("main")
    try:
        marks.here()
        while time.monotonic() < until:
            proxy.read_attribute("quick", wait=False).get()
            gevent.sleep(0.05)
    finally:
        proxy.command_inout("Take", 0.1)
        marks.cleaned("main")

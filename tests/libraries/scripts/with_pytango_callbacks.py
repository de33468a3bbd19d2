"""PyTango: callbacks of events."""

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
            got = []
            subscription = proxy.subscribe_event("quick", tango.EventType.CHANGE_EVENT, got.append)
            time.sleep(0.02)
            proxy.unsubscribe_event(subscription)
    finally:
        marks.cleaned("main")

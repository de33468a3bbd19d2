"""PyTango: subscribing to an attribute that is slow."""

import os
import time

import tango
from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    proxy = tango.DeviceProxy(os.environ["SLOW_TRL"])
    marks.begun("main")
    try:
        marks.here()
        subscription = proxy.subscribe_event("slow", tango.EventType.CHANGE_EVENT, lambda event: None)
        time.sleep(seconds)
        proxy.unsubscribe_event(subscription)
    finally:
        marks.cleaned("main")

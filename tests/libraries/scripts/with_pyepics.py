"""pyepics."""

import os
import time

import epics
from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    pv = epics.PV(os.environ["IOC_PV"])
    marks.begun("main")
    try:
        marks.saw(int(pv.get()))
        marks.here()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            epics.caget(os.environ["IOC_PV"])
            time.sleep(0.01)
    finally:
        pv.disconnect()
        marks.cleaned("main")

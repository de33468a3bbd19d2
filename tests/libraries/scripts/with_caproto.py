"""caproto."""

import os
import time

from caproto.threading.client import Context
from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    context = Context()
    [pv] = context.get_pvs(os.environ["IOC_PV"])
    marks.begun("main")
    try:
        marks.saw(int(pv.read().data[0]))
        marks.here()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pv.read()
    finally:
        context.disconnect()
        marks.cleaned("main")

"""bluesky."""

import time

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky import RunEngine
from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)

    def clean_up():
        yield from bps.sleep(0.5)
        marks.cleaned("plan")

    @bpp.finalize_decorator(clean_up)
    @bpp.run_decorator()
    def plan():
        marks.begun("plan")
        yield from bps.sleep(0.05)
        marks.here()
        yield from bps.sleep(seconds)

    RE = RunEngine(context_managers=[])
    marks.begun("main")
    try:
        RE(plan())
    except SystemExit:
        RE.abort()
        while RE.state != "idle":
            time.sleep(0.05)
        raise
    finally:
        marks.cleaned("main")

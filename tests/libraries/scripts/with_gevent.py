"""gevent: patched in main."""

import time

import gevent
from gevent import monkey
from marks import Marks


def part(marks, name, seconds):
    marks.begun(name)
    try:
        gevent.sleep(seconds)
    finally:
        gevent.sleep(0.1)
        marks.cleaned(name)


def main(folder, seconds):
    monkey.patch_all()
    marks = Marks(folder)
    marks.begun("main")
    parts = [gevent.spawn(part, marks, name, seconds) for name in ("one", "two")]
    try:
        gevent.sleep(0.05)
        marks.here()
        gevent.joinall(parts)
    finally:
        gevent.killall(parts)
        time.sleep(0.1)
        marks.cleaned("main")

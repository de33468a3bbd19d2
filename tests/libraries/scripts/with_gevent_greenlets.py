"""gevent: greenlets that are interrupted themselves."""

import time

import gevent
from marks import Marks


def part(marks, seconds):
    until = time.monotonic() + seconds
    marks.begun("greenlet")
    try:
        while time.monotonic() < until:
            time.sleep(0.05)  # not gevent's
            gevent.sleep(0)
    finally:
        gevent.sleep(0.5)
        marks.cleaned("greenlet")


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    greenlet = gevent.spawn(part, marks, seconds)
    try:
        marks.here()
        greenlet.join()
    finally:
        greenlet.join()
        gevent.sleep(0.5)
        marks.cleaned("main")

"""numpy: one call that takes longer than the grace period."""

import threading

import numpy
from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    size = 5000 if seconds > 1 else 50
    table = numpy.random.default_rng(1).random((size, size))
    marks.begun("main")
    try:
        threading.Timer(0.5, marks.here).start()
        numpy.linalg.eigvals(table)
    finally:
        marks.cleaned("main")

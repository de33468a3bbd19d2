"""joblib."""

import time

import numpy
from joblib import Parallel, delayed
from marks import Marks


def work(n, table):
    time.sleep(0.05)
    return n + int(table[0])


def main(folder, seconds):
    marks = Marks(folder)
    table = numpy.zeros(1_000_000)  # joblib shares it in a file of /dev/shm
    marks.begun("main")
    try:
        marks.saw(sum(Parallel(2)(delayed(work)(n, table) for n in range(4))))
        marks.here()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            Parallel(2)(delayed(work)(n, table) for n in range(4))
    finally:
        marks.cleaned("main")

"""ProcessPoolExecutor without a with."""

import atexit
import time
from concurrent.futures import ProcessPoolExecutor

from marks import Marks


def work(n):
    return n * n


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    marks.begun("atexit")
    atexit.register(marks.cleaned, "atexit")
    try:
        pool = ProcessPoolExecutor(2)
        marks.saw(sum(pool.map(work, range(4))))
        marks.here()
        time.sleep(seconds)
    finally:
        marks.cleaned("main")

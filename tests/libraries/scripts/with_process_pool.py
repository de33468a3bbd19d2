"""ProcessPoolExecutor in a with."""

import time
from concurrent.futures import ProcessPoolExecutor

from marks import Marks


def work(n):
    time.sleep(0.1)
    return n * n


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        with ProcessPoolExecutor(2) as pool:
            marks.saw(sum(pool.map(work, range(4))))
            marks.here()
            for n in range(int(seconds / 0.1)):
                pool.submit(work, n).result()
    finally:
        marks.cleaned("main")

"""ThreadPoolExecutor without a with."""

import time
from concurrent.futures import ThreadPoolExecutor

from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        pool = ThreadPoolExecutor()
        list(pool.map(time.sleep, [0.05] * 8))
        pool.submit(time.sleep, 0.3).add_done_callback(lambda done: marks.saw("late work"))
        marks.here()
        time.sleep(seconds)
    finally:
        marks.cleaned("main")

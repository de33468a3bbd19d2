"""multiprocessing: Pool, Manager and shared memory, with spawn and forkserver."""

import multiprocessing
import time
from multiprocessing import shared_memory

from marks import Marks


def work(n):
    return n * n


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        for method in ("spawn", "forkserver"):
            with multiprocessing.get_context(method).Pool(1) as pool:
                marks.saw(f"{method} {sum(pool.map(work, range(4)))}")
        with multiprocessing.Manager() as manager:
            shared = manager.dict(rows=[])
            forgotten = shared_memory.SharedMemory(create=True, size=100)
            marks.saw(f"{shared['rows']} {forgotten.size}")
            marks.here()
            time.sleep(seconds)
    finally:
        marks.cleaned("main")

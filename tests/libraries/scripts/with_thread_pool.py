"""ThreadPoolExecutor in a with."""

import time
from concurrent.futures import ThreadPoolExecutor

from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        with ThreadPoolExecutor() as pool:
            try:
                list(pool.map(time.sleep, [0.05] * 8))
                marks.here()
                for _ in range(int(seconds / 0.1)):
                    pool.submit(time.sleep, 0.1).result()
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        marks.cleaned("main")

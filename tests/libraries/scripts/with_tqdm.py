"""tqdm."""

import time

from marks import Marks
from tqdm import tqdm


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        marks.here()
        for _ in tqdm(range(max(4, int(seconds / 0.05))), desc="scans"):
            time.sleep(0.05)
    finally:
        marks.cleaned("main")

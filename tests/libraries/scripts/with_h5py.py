"""h5py."""

import time

import h5py
from marks import Marks

kept = []


def main(folder, seconds):
    marks = Marks(folder)
    file = h5py.File(f"{folder}/data.h5", "w")  # left open
    kept.append(file)
    rows = file.create_dataset("rows", (20,), dtype="i4")
    marks.begun("main")
    try:
        for n in range(20):
            rows[n] = n
        marks.here()
        time.sleep(seconds)
    finally:
        marks.cleaned("main")

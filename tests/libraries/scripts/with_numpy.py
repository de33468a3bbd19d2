"""numpy."""

import time

import numpy
from marks import Marks


def main(folder, seconds):
    global mapped
    marks = Marks(folder)
    mapped = numpy.memmap(f"{folder}/data.bin", dtype="i4", mode="w+", shape=(20,))
    marks.begun("main")
    try:
        mapped[:] = numpy.arange(20)
        marks.here()
        table, until = numpy.ones((200, 200)), time.monotonic() + seconds
        while time.monotonic() < until:
            table @ table
    finally:
        marks.cleaned("main")

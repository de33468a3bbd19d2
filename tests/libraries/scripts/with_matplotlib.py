"""matplotlib."""

import time

import matplotlib

matplotlib.use("Agg")

from marks import Marks
from matplotlib import pyplot


def main(folder, seconds):
    marks = Marks(folder)
    figure, axes = pyplot.subplots()
    marks.begun("main")
    try:
        axes.plot([1, 4, 9])
        figure.savefig(f"{folder}/first.png")
        marks.here()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            figure.canvas.draw()
    finally:
        axes.set_title("stopped or not")
        figure.savefig(f"{folder}/last.png")
        marks.cleaned("main")

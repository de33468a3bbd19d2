"""ophyd."""

from marks import Marks
from ophyd.sim import motor


def main(folder, seconds):
    marks = Marks(folder)
    motor.delay = seconds
    marks.begun("main")
    try:
        moving = motor.set(3)
        marks.here()
        moving.wait()
    finally:
        marks.saw(motor.name)
        marks.cleaned("main")

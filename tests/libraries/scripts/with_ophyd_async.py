"""ophyd-async."""

import asyncio

from marks import Marks
from ophyd_async.core import init_devices
from ophyd_async.sim import SimMotor


async def observe(marks, seconds):
    async with init_devices():
        motor = SimMotor()
    await motor.velocity.set(1.0)
    await motor.acceleration_time.set(0.01)
    marks.begun("coroutine")
    try:
        marks.here()
        await motor.set(seconds)
    finally:
        await motor.stop()
        marks.cleaned("coroutine")


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        asyncio.run(observe(marks, seconds))
    finally:
        marks.cleaned("main")

"""PyTango: green mode asyncio."""

import asyncio
import os
import time

from marks import Marks
from tango.asyncio import DeviceProxy


async def observe(marks, seconds):
    proxy = await DeviceProxy(os.environ["SLOW_TRL"])
    until = time.monotonic() + seconds
    marks.begun("coroutine")
    try:
        marks.here()
        while time.monotonic() < until:
            await proxy.read_attribute("quick")
            await proxy.command_inout("Take", 0.05)
    finally:
        await proxy.command_inout("Take", 0.1)
        marks.cleaned("coroutine")


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        asyncio.run(observe(marks, seconds))
    finally:
        marks.cleaned("main")

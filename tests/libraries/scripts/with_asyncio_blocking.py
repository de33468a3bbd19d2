"""asyncio: a coroutine that blocks."""

import asyncio
import time

from marks import Marks


async def observe(marks, seconds):
    until = time.monotonic() + seconds
    marks.begun("coroutine")
    try:
        marks.here()
        while time.monotonic() < until:
            time.sleep(0.2)
    finally:
        marks.cleaned("coroutine")


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        asyncio.run(observe(marks, seconds))
    finally:
        marks.cleaned("main")

"""asyncio."""

import asyncio

from marks import Marks


async def part(marks, name, seconds):
    marks.begun(name)
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(0.1)
        marks.cleaned(name)


async def observe(marks, seconds):
    async with asyncio.TaskGroup() as group:
        group.create_task(part(marks, "one", seconds))
        group.create_task(part(marks, "two", seconds))
        await asyncio.sleep(0.05)
        marks.here()
        await asyncio.to_thread(marks.saw, "thread")


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        asyncio.run(observe(marks, seconds))
    finally:
        marks.cleaned("main")

"""trio."""

import trio
from marks import Marks


async def part(marks, name, seconds):
    marks.begun(name)
    try:
        await trio.sleep(seconds)
    finally:
        with trio.move_on_after(1, shield=True):
            await trio.sleep(0.1)
        marks.cleaned(name)


async def observe(marks, seconds):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(part, marks, "one", seconds)
        nursery.start_soon(part, marks, "two", seconds)
        await trio.sleep(0.05)
        marks.here()


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        trio.run(observe, marks, seconds)
    finally:
        marks.cleaned("main")

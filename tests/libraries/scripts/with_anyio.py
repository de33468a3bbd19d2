"""anyio on asyncio."""

import anyio
from marks import Marks

BACKEND = "asyncio"


async def part(marks, name, seconds):
    marks.begun(name)
    try:
        await anyio.sleep(seconds)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.1)
        marks.cleaned(name)


async def observe(marks, seconds):
    async with anyio.create_task_group() as group:
        group.start_soon(part, marks, "one", seconds)
        group.start_soon(part, marks, "two", seconds)
        await anyio.sleep(0.05)
        marks.here()
        await anyio.to_thread.run_sync(marks.saw, "thread")


def main(folder, seconds, backend=BACKEND):
    marks = Marks(folder)
    marks.begun("main")
    try:
        anyio.run(observe, marks, seconds, backend=backend)
    finally:
        marks.cleaned("main")

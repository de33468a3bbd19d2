"""uvloop."""

import with_asyncio
import uvloop
from marks import Marks


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        uvloop.run(with_asyncio.observe(marks, seconds))
    finally:
        marks.cleaned("main")

"""init and main are coroutines."""

import asyncio


async def init(subarray_id):
    await asyncio.sleep(0)
    print("init", subarray_id)


async def main(word, fail=False):
    await asyncio.sleep(0)
    print("main", word)
    if fail:
        raise ValueError("on purpose")

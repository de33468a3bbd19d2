"""anyio on trio."""

import with_anyio


def main(folder, seconds):
    with_anyio.main(folder, seconds, backend="trio")

"""A runner that takes nothing holds up nobody, and misses nothing once it does; over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator

from ska_oso_oet.supervision.runner_link import RunnerLink

from ..support.buses import in_loop, until

MIB = 2**20


class Link:
    """A link to a runner that the test plays."""

    def __init__(self, ours: socket.socket, runner: socket.socket) -> None:
        self.runner = runner
        self.deaf = 0
        self.said: list[dict[str, object]] = []
        self.link = RunnerLink(ours, self._heard, self._found_deaf)

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> Iterator[Link]:
        ours, runner = socket.socketpair()
        with ours, runner:
            found = cls(ours, runner)
            yield found
            found.link.drain()

    def _heard(self, said: list[dict[str, object]], lines: int, size: int) -> bool:
        self.said += said
        return False

    def _found_deaf(self) -> None:
        self.deaf += 1

    def take(self, lines: int) -> list[int]:
        """Take some of what was said; in a thread."""
        with self.runner.makefile("rb") as file:
            return [json.loads(file.readline())["n"] for _ in range(lines)]


@in_loop
async def test_a_runner_that_takes_nothing_keeps_nobody_waiting_and_takes_all_of_it_later() -> None:
    with Link.made() as found:
        found.link.listen()
        for n in range(4):
            found.link.say({"n": n, "long": "x" * MIB})
        found.runner.sendall(b'{"say": "loaded", "time": 1}\n')
        await until(lambda: found.said)
        assert await asyncio.to_thread(found.take, 4) == [0, 1, 2, 3]
        found.link.say({"n": 4})
        assert await asyncio.to_thread(found.take, 1) == [4]
        assert found.deaf == 0


@in_loop
async def test_what_waits_for_a_runner_has_a_limit_and_who_is_at_the_limit_hears_no_more() -> None:
    with Link.made() as found:
        for n in range(12):
            found.link.say({"n": n, "long": "x" * MIB})
        assert found.deaf >= 4
        assert await asyncio.to_thread(found.take, 8 - 1) == list(range(7))


@in_loop
async def test_nothing_waits_for_a_runner_that_has_ended() -> None:
    with Link.made() as found:
        found.link.say({"n": 1, "long": "x" * MIB})
        found.runner.close()
        await asyncio.sleep(0)
        for n in range(12):
            found.link.say({"n": n, "long": "x" * MIB})
        await until(lambda: not found.link._untaken)
        assert found.deaf == 0

"""What many want is done for few at once, by rounds, and whoever holds most gives way."""

from __future__ import annotations

import asyncio
import dataclasses
import threading

import pytest

from ska_oso_oet.bus.limited_work import Turns
from ska_oso_oet.domain.errors import TimedOut
from ska_oso_oet.web.streams.stream_limits import Crowd

from ..support.buses import in_loop, until


@in_loop
async def test_few_have_a_turn_at_once_and_each_user_one() -> None:
    turns, had, most = Turns(2), [], 0
    having: list[str] = []

    async def want(user: str) -> None:
        nonlocal most
        async with turns.of(user):
            having.append(user)
            assert len(set(having)) == len(having)
            most = max(most, len(having))
            await asyncio.sleep(0)
            having.remove(user)
            had.append(user)

    await asyncio.gather(*(want(user) for user in ["a"] * 9 + ["b"] * 3 + ["c"]))
    assert most == 2
    assert sorted(had) == ["a"] * 9 + ["b"] * 3 + ["c"]
    assert had.index("c") < 6  # not after all that others have wanted before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@in_loop
async def test_a_turn_goes_on_to_the_next_when_its_owner_is_gone(order: tuple[int, int]) -> None:
    turns = Turns(1)
    had: list[str] = []

    async def want(user: str, forever: bool = False) -> None:
        async with turns.of(user):
            had.append(user)
            if forever:
                await asyncio.Event().wait()

    first = asyncio.ensure_future(want("a", forever=True))
    await until(lambda: had)
    given_up, waiting, last = (asyncio.ensure_future(want(user)) for user in "abc")
    await asyncio.sleep(0)
    for n in order:
        (given_up, first)[n].cancel()
    await asyncio.sleep(0)
    waiting.cancel()  # it may have been given the turn by now, but does not know yet
    await last
    assert had == ["a", "c"]


@in_loop
async def test_threads_work_in_turns_and_whoever_waits_too_long_is_told() -> None:
    turns, go_on = Turns(2), threading.Event()
    try:
        slow = asyncio.ensure_future(turns.in_thread("a", go_on.wait, None))
        await asyncio.sleep(0)
        with pytest.raises(TimedOut):
            await turns.in_thread("a", lambda: None, 0.01)
        assert await turns.in_thread("b", lambda: "read", None) == "read"
        assert not slow.done()
    finally:
        go_on.set()
    assert await slow
    assert await turns.in_thread("a", lambda: "read", None) == "read"


@dataclasses.dataclass(eq=False)
class _Stream:
    user: str
    unread: int = 0
    stalled: float | None = None
    gone: bool = False

    def leave(self) -> None:
        self.gone = True


def test_of_too_many_streams_one_of_whoever_has_most_is_ended() -> None:
    crowd = Crowd(most=5)
    many = [_Stream("many", stalled=None if n == 0 else 9.0 - n) for n in range(4)]
    few = [_Stream("few"), _Stream("few")]
    for stream in (*many, *few):
        assert crowd.enter(stream)
    assert [stream.gone for stream in many] == [False, False, False, True]  # the one stalled for longest
    assert not any(stream.gone for stream in few)


def test_whoever_has_most_streams_gets_no_more_where_there_are_too_many() -> None:
    crowd = Crowd(most=3)
    streams = [_Stream("many"), _Stream("many"), _Stream("few")]
    assert all(crowd.enter(stream) for stream in streams)
    assert not crowd.enter(_Stream("many"))
    crowd.left(streams[0])
    assert crowd.enter(_Stream("many"))
    assert not any(stream.gone for stream in streams)


def test_what_clients_leave_unread_is_bounded_and_only_those_who_leave_most_are_cut_off() -> None:
    crowd = Crowd(most_unread=1000)
    lazy = [_Stream("lazy", unread=300, stalled=float(n)) for n in range(4)]
    slow = _Stream("slow", unread=100, stalled=-1.0)
    for stream in (*lazy, slow):
        crowd.enter(stream)
    crowd.written(2**20)
    assert [stream.gone for stream in lazy] == [True, False, False, False]
    assert not slow.gone

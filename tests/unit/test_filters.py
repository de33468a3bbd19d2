"""Which listeners want a message, and how often that is judged."""

from __future__ import annotations

import asyncio

import pytest

from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.web.streams import hub
from ska_oso_oet.web.streams.filters import Wanted


def _message(topic: str, seq: int = 1) -> Envelope:
    return Envelope(topic=topic, msg_src="a", time=0.0, payload={}, seq=seq)


@pytest.mark.parametrize(
    ("topics", "exclude", "wanted"),
    [
        ((), (), True),
        (("user",), (), True),
        (("user.script",), (), True),
        (("user.script.progress",), (), True),
        (("user.script.progress.more",), (), False),
        (("user.scr",), (), False),
        (("a", "b", "user"), (), True),
        ((), ("user.script",), False),
        ((), ("user.script.p",), True),
        (("user",), ("user.script.progress",), False),
    ],
)
def test_a_prefix_is_of_whole_words(topics: tuple[str, ...], exclude: tuple[str, ...], wanted: bool) -> None:
    assert Wanted(topics=topics, exclude=exclude)(_message("user.script.progress")) is wanted


class Peer:
    """A client that is only written to."""

    user = "somebody"

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.said = b""

    def write(self, data: bytes) -> None:
        self.said += data


def test_a_message_is_judged_once_for_all_who_want_the_same() -> None:
    judged: list[Wanted] = []

    class Judging(Wanted):
        """Filters that note their use."""

        def __call__(self, envelope: Envelope) -> bool:
            judged.append(self)
            return super().__call__(envelope)

    async def scenario() -> list[Peer]:
        found, peers = hub.Hub(), [Peer() for _ in range(100)]
        filters = [Judging(topics=("user",)), Judging(topics=("user",)), Judging(exclude=("user",))]
        tasks = [
            asyncio.ensure_future(found.serve(peer, filters[n % 3], None))  # type: ignore[arg-type]
            for n, peer in enumerate(peers)
        ]
        await asyncio.sleep(0)
        found._publish(_message("user.x"))  # noqa: SLF001
        for _ in range(20):
            await asyncio.sleep(0)
        for peer in peers:
            peer.gone.set()
        await asyncio.gather(*tasks)
        found._publish(_message("user.x", 2))  # noqa: SLF001  nobody is left
        return peers

    peers = asyncio.run(scenario())
    assert len(judged) == 2
    assert [peer.said.count(b"event: user.x") for peer in peers] == [n % 3 < 2 for n in range(100)]

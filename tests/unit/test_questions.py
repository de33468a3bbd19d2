"""An answer of the broker reaches the question it answers, whoever has given up on theirs meanwhile."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from ..support.buses import broker_here, in_loop, said

MESSAGES = 20


@pytest.mark.parametrize("seed", range(5))
def test_answers_reach_their_questions_while_others_are_given_up_at_random(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)

    @in_loop
    async def check() -> None:
        async with broker_here(tmp_path) as (bus, _):
            client = await bus.client("client")
            await asyncio.gather(*client.send([said(client, n) for n in range(MESSAGES)]))

            async def ask() -> None:
                if dice.random() < 0.2:
                    assert await client.lookup.peers() == ["client"]
                    return
                after = dice.randrange(MESSAGES)
                assert [e.seq for e in await client.lookup.messages(after=after, limit=1)] == [after + 1]

            for _ in range(40):
                asked = [asyncio.ensure_future(ask()) for _ in range(10)]
                for _ in range(dice.randrange(4)):
                    await asyncio.sleep(0)
                for question in dice.sample(asked, 5):
                    question.cancel()
                results = await asyncio.gather(*asked, return_exceptions=True)
                wrong = [r for r in results if isinstance(r, Exception)]
                assert wrong == []

    check()


@in_loop
async def test_an_answer_to_another_question_is_dropped_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with broker_here(tmp_path) as (bus, _):
        client = await bus.client("client")
        asking = asyncio.ensure_future(client.lookup.peers())
        await asyncio.sleep(0)
        (number,) = client.lookup._questions
        client.lookup._answered(
            {"op": "answer", "rid": number, "what": "bounds", "result": {"first": 1, "head": 2}}
        )
        assert "Dropped an answer to 'bounds': the query was 'peers'" in caplog.text
        assert await asking == ["client"]

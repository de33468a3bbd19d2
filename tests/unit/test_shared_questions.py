"""Clients that ask the same share answers, and never get one from before their question."""

from __future__ import annotations

import asyncio

import pytest

from ska_oso_oet.bus.envelope import Envelope
from ska_oso_oet.bus.shared_questions import SharedQuestions
from ska_oso_oet.domain.errors import TimedOut, Unavailable


class Worker:
    """Answers with the number of the question, when told to."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[None]] = []

    async def answer(self) -> Envelope:
        self.asked.append(asyncio.get_running_loop().create_future())
        n = len(self.asked)
        await self.asked[-1]
        return Envelope(topic="a", msg_src="b", time=0.0, payload={"n": n})


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_those_that_ask_meanwhile_share_the_next_answer() -> None:
    async def scenario() -> list[int]:
        worker, questions = Worker(), SharedQuestions()

        def ask() -> asyncio.Future[Envelope]:
            return asyncio.ensure_future(questions.ask("t", {"pids": [1]}, worker.answer))

        first = ask()
        await _turns()
        later = [ask() for _ in range(50)]
        await _turns()
        other = asyncio.ensure_future(questions.ask("t", {"pids": [2]}, worker.answer))
        await _turns()
        assert len(worker.asked) == 2  # of the equal ones one; another question does not wait for it
        worker.asked[0].set_result(None)
        await _turns()
        latest = ask()  # the question of those that waited is on its way: too late to share it
        await _turns()
        assert len(worker.asked) == 3
        worker.asked[2].set_result(None)
        await _turns()
        for question in worker.asked:
            if not question.done():
                question.set_result(None)
        answers = await asyncio.gather(first, *later, latest, other)
        return [int(answer.payload["n"]) for answer in answers]

    assert asyncio.run(scenario()) == [1, *[3] * 50, 4, 2]


def test_a_refusal_reaches_all_who_wait_and_giving_up_harms_nobody_else() -> None:
    async def scenario() -> None:
        questions, gate = SharedQuestions(), asyncio.Event()

        async def refuse() -> Envelope:
            await gate.wait()
            raise Unavailable("away")

        asking = [asyncio.ensure_future(questions.ask("t", {}, refuse)) for _ in range(4)]
        await _turns()
        asking[0].cancel()
        asking[1].cancel()
        gate.set()
        for one in asking[2:]:
            with pytest.raises(Unavailable):
                await one

    asyncio.run(scenario())


def test_who_waits_behind_a_question_that_is_not_answered_is_told_with_it() -> None:
    async def scenario() -> None:
        questions, gate, asked = SharedQuestions(), asyncio.Event(), list[int]()

        async def hang() -> Envelope:
            asked.append(1)
            await gate.wait()
            raise TimedOut("no answer")

        asking = [asyncio.ensure_future(questions.ask("t", {}, hang))]
        await _turns()
        asking += [asyncio.ensure_future(questions.ask("t", {}, hang)) for _ in range(3)]
        await _turns()
        gate.set()
        for one in asking:
            with pytest.raises(TimedOut):
                await one
        assert len(asked) == 1

    asyncio.run(scenario())

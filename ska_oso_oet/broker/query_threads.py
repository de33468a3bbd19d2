"""Threads for questions of one kind."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


@dataclasses.dataclass
class _Question:
    answer: Future[Any]
    askers: int = 0

    @property
    def waits(self) -> bool:
        return not self.answer.running() and not self.answer.done()


class Lane:
    """Answers questions in threads that no other kind has, first come first served.

    Equal questions that wait share one answer, which is no older than any of them. A question that all who
    asked have given up is never begun.

    :param name: of its threads
    :param threads: how many
    """

    def __init__(self, name: str, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._asked: dict[str, _Question] = {}

    async def ask(self, key: str, answer: Callable[[], Any]) -> Any:
        """Return the answer to a question; raises what ``answer`` raises.

        :param key: the same for equal questions
        """
        question = self._asked.get(key)
        if question is None or not question.waits:
            question = self._asked[key] = _Question(self._threads.submit(answer))
        question.askers += 1
        try:
            return await asyncio.shield(asyncio.wrap_future(question.answer))
        finally:
            question.askers -= 1
            if not question.askers:
                question.answer.cancel()
                if self._asked.get(key) is question:
                    del self._asked[key]

"""Random sequences of create, start, stop and kill against a small model of what must come of them."""

from __future__ import annotations

import dataclasses
import os
import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ..conftest import Server

LISTED = 10
SCRIPTS = {"trivial": "trivial.py", "sleeping": "diehard.py", "failing": "endings.py"}
ARGUMENTS = {"trivial": [], "sleeping": ["sleeping"], "failing": ["raise"]}
ENDS = {"trivial": ("COMPLETE", "completed"), "failing": ("FAILED", "script_error")}
LIVE = ("READY", "RUNNING")


@dataclasses.dataclass
class Expected:
    """What is expected of one procedure."""

    kind: str
    state: str = "READY"
    reason: str | None = None

    @property
    def final(self) -> bool:
        return self.state not in LIVE

    def end(self, state: str, reason: str) -> None:
        self.state, self.reason = state, reason


@dataclasses.dataclass
class World:
    """What the server went through so far, over all examples."""

    server: Server
    known: dict[int, Expected] = dataclasses.field(default_factory=dict)
    listed: list[int] = dataclasses.field(default_factory=list)

    def make_room(self) -> int | None:
        """Who leaves the list for one more."""
        if len(self.listed) < LISTED:
            return None
        finished = [pid for pid in self.listed if self.known[pid].final]
        ready = [pid for pid in self.listed if self.known[pid].state == "READY"]
        victim = (finished + ready)[0]
        self.listed.remove(victim)
        return victim


def _machine(world: World) -> type[RuleBasedStateMachine]:
    server = world.server

    class Procedures(RuleBasedStateMachine):
        """Procedures made in one example; whatever lives at its end is stopped."""

        def __init__(self) -> None:
            super().__init__()
            self.mine: list[int] = []

        def _pick(self, n: int) -> tuple[int, Expected]:
            pid = self.mine[n % len(self.mine)]
            return pid, world.known[pid]

        def _running(self) -> list[int]:
            return [pid for pid in world.listed if world.known[pid].state == "RUNNING"]

        def _ended(self, pid: int) -> None:
            """The final event has come; what is shown is what was expected."""
            _same(server.ended(pid), world.known[pid])

        @rule(kind=st.sampled_from(sorted(SCRIPTS)))
        def create(self, kind: str) -> None:
            pid = server.create(SCRIPTS[kind])
            assert pid > max(world.known, default=0)
            victim = world.make_room()
            world.listed.append(pid)
            world.known[pid] = Expected(kind)
            self.mine.append(pid)
            server.wait_state(pid, "READY")
            if victim is not None and not world.known[victim].final:
                world.known[victim].end("STOPPED", "evicted")
                self._ended(victim)

        @precondition(lambda self: self.mine)
        @rule(n=st.integers(0, 50))
        def start(self, n: int) -> None:
            pid, expected = self._pick(n)
            busy = self._running()
            arguments = {"main": {"args": ARGUMENTS[expected.kind]}}
            answer = server.put(pid, state="RUNNING", script_args=arguments)
            if expected.state != "READY" or busy:
                assert answer.status_code == 409, answer.text
                return
            assert answer.status_code == 200, answer.text
            if expected.kind == "sleeping":
                expected.state = "RUNNING"
            else:
                expected.end(*ENDS[expected.kind])
                self._ended(pid)

        @precondition(lambda self: self.mine)
        @rule(n=st.integers(0, 50))
        def stop(self, n: int) -> None:
            pid, expected = self._pick(n)
            answer = server.put(pid, state="STOPPED", abort=False)
            if expected.final:
                assert answer.status_code == 409, answer.text
                return
            assert answer.status_code == 200, answer.text
            assert answer.json()["survivors"] == 0
            expected.end("STOPPED", "stopped")
            self._ended(pid)

        @precondition(lambda self: any(not world.known[pid].final for pid in self.mine))
        @rule(n=st.integers(0, 50))
        def kill(self, n: int) -> None:
            live = [pid for pid in self.mine if not world.known[pid].final]
            pid = live[n % len(live)]
            os.kill(server.procedure(pid)["pid"], signal.SIGKILL)
            world.known[pid].end("FAILED", "killed")
            self._ended(pid)

        @precondition(lambda self: self.mine)
        @rule(n=st.integers(0, 50))
        def get(self, n: int) -> None:
            pid, expected = self._pick(n)
            _same(server.procedure(pid), expected)

        @invariant()
        def the_list_is_the_newest_with_their_states(self) -> None:
            shown = server.get("/procedures")
            assert [p["id"] for p in shown] == world.listed
            for procedure in shown:
                _same(procedure, world.known[procedure["id"]])

        def teardown(self) -> None:
            for pid in self.mine:
                if not world.known[pid].final:
                    self.stop(self.mine.index(pid))

    return Procedures


def _same(shown: dict[str, Any], expected: Expected) -> None:
    reason = shown["outcome"]["reason"] if shown["outcome"] else None
    assert (shown["state"], reason) == (expected.state, expected.reason), shown
    assert (shown["pid"] is None) is expected.final


def _explore(server: Server, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        _machine(World(server, *_past(server))),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _past(server: Server) -> tuple[dict[int, Expected], list[int]]:
    """What an earlier test left: all of it has ended."""
    everything = server.get("/procedures", all="true", limit=500)
    known = {p["id"]: Expected("trivial", p["state"], p["outcome"]["reason"]) for p in everything}
    return known, [p["id"] for p in server.get("/procedures")]


def test_whatever_is_asked_in_whatever_order_the_states_are_those_of_the_model(server: Server) -> None:
    _explore(server, examples=15, steps=15)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_whatever_is_asked_for_long_in_whatever_order_the_states_are_those_of_the_model(
    server: Server,
) -> None:
    _explore(server, examples=100, steps=50)

"""Observing a scheduling block: assign, then configure and scan for each scan, end, release."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from .announce import announce, send
from .block import Block, Scan
from .errors import TelescopeError, WrongState
from .execution_block import ExecutionBlock
from .pace import checkpoint, estimate, progress
from .qa import QaGate
from .safety import make_safe
from .states import ObsState
from .subarray import SubArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds that commands may take.

    :raises ValueError: if one is no number above 0
    """

    assign_timeout: float = 120.0
    configure_timeout: float = 300.0
    scan_margin: float = 60.0  #: what a scan may take beyond its duration
    end_timeout: float = 60.0
    release_timeout: float = 120.0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e7:
                raise ValueError(f"{name} must be a number of seconds above 0, not {str(value)[:40]!r}")


USUAL = Limits()


def observe(block: Block, subarray: SubArray, gate: QaGate, limits: Limits = USUAL) -> None:
    """Observe a block with a subarray that is EMPTY, and leave it EMPTY.

    :param gate: decides when a scan may begin
    :raises WrongState: if the subarray is not EMPTY, or the telescope not ON; nothing was commanded then
    :raises TelescopeError: if the telescope failed; the subarray was made safe then,
        and the steps were announced
    """
    state = subarray.obs_state
    if state is not ObsState.EMPTY:
        raise WrongState(
            f"subarray {subarray.id} is {state.name}, and an observation begins with an EMPTY one; "
            f"nothing was commanded. {_remedy(subarray.id, state)}"
        )
    subarray.require_on()
    for sentence in block.adjusted:
        announce(f"not observed exactly as written: {sentence}")
    if block.constraints:
        announce("observing_constraints are the scheduler's to keep; they are not checked here")
    estimate(sum(scan.duration for scan in block.scans))
    send("sb.lifecycle.observation.started", sb_id=block.id)
    execution_block = subarray.execution_block = ExecutionBlock(block.eb_id)
    execution_block.begin(
        sb_id=block.id, subarray_id=subarray.id, telescope="ska_low" if block.low else "ska_mid"
    )
    observed = False
    try:
        try:
            _observe(block, subarray, gate, limits)
            observed = True
        except Exception as error:
            send("subarray.fault", subarray_id=subarray.id, error=str(error))
            send("sb.lifecycle.observation.finished.failed", sb_id=block.id)
            make_safe(subarray, block.release(subarray.id))
            raise
    finally:
        execution_block.end(observed)
    send("sb.lifecycle.observation.finished.succeeded", sb_id=block.id)


def _remedy(subarray_id: int, state: ObsState) -> str:
    restart = f"oet abort --restart --subarray_id={subarray_id}"
    if state in (ObsState.ABORTED, ObsState.FAULT):
        return f"To restart it: {restart}"
    return f"Where nobody is using it, abort and restart it: {restart}"


def _observe(block: Block, subarray: SubArray, gate: QaGate, limits: Limits) -> None:
    subarray.assign_resources(block.assign(subarray.id), limits.assign_timeout)
    send("subarray.resources.allocated", subarray_id=subarray.id)
    send("sb.lifecycle.allocated", sb_id=block.id)
    for done, scan in enumerate(block.scans):
        progress(done, len(block.scans), text=scan.target)
        checkpoint("scan", n=done + 1, of=len(block.scans))
        _scan(block, scan, subarray, gate, limits)
    progress(len(block.scans), len(block.scans))
    if block.scans:
        subarray.end(limits.end_timeout)
    subarray.release_resources(block.release(subarray.id), limits.release_timeout)
    send("subarray.resources.deallocated", subarray_id=subarray.id)


def _scan(block: Block, scan: Scan, subarray: SubArray, gate: QaGate, limits: Limits) -> None:
    number = block.new_scan_id()
    about = {"sb_id": block.id, "scan_id": number}
    gate.begin_scan()
    announce(f"scan {scan.number} of {len(block.scans)}: {scan.name}, {scan.target} for {scan.duration:g} s")
    send("scan.lifecycle.configure.started", **about)
    with _failure_told("scan.lifecycle.configure.failed", about):
        subarray.configure(block.configure(scan), limits.configure_timeout)
    send("scan.lifecycle.configure.complete", **about)
    send("subarray.configured", subarray_id=subarray.id)
    gate.wait()
    send("scan.lifecycle.start", **about)
    send("subarray.scan.started", subarray_id=subarray.id)
    with _failure_told("scan.lifecycle.end.failed", about):
        subarray.scan(block.scan(number, subarray.id), timeout=scan.duration + limits.scan_margin)
    send("subarray.scan.finished", subarray_id=subarray.id)
    send("scan.lifecycle.end.succeeded", **about)


@contextlib.contextmanager
def _failure_told(topic: str, about: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except TelescopeError:
        send(topic, **about)
        raise

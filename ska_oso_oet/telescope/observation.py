"""Observing a scheduling block: assign, then configure and scan for each scan, end, release."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from .announce import send
from .block import Block, Scan
from .errors import TelescopeError, WrongState
from .qa import QaGate
from .safety import make_safe
from .states import ObsState
from .subarray import SubArray

_SCAN_MARGIN = 60.0  #: seconds a scan may take beyond its duration


def observe(block: Block, subarray: SubArray, gate: QaGate) -> None:
    """Observe a block with a subarray that is EMPTY, and leave it EMPTY.

    :param gate: decides when a scan may begin
    :raises WrongState: if the subarray is not EMPTY; nothing was commanded then
    :raises TelescopeError: if the telescope failed; the subarray was made safe then,
        and the steps were announced
    """
    state = subarray.obs_state
    if state is not ObsState.EMPTY:
        raise WrongState(
            f"subarray {subarray.id} is {state.name}, and an observation begins with an EMPTY one; "
            f"nothing was commanded. {_remedy(subarray.id, state)}"
        )
    send("sb.lifecycle.observation.started", sb_id=block.id)
    try:
        _observe(block, subarray, gate)
    except Exception as error:
        send("subarray.fault", subarray_id=subarray.id, error=str(error))
        send("sb.lifecycle.observation.finished.failed", sb_id=block.id)
        make_safe(subarray, block.release(subarray.id))
        raise
    send("sb.lifecycle.observation.finished.succeeded", sb_id=block.id)


def _remedy(subarray_id: int, state: ObsState) -> str:
    restart = f"oet abort --restart --subarray_id={subarray_id}"
    if state in (ObsState.ABORTED, ObsState.FAULT):
        return f"To restart it: {restart}"
    return f"Where nobody is using it, abort and restart it: {restart}"


def _observe(block: Block, subarray: SubArray, gate: QaGate) -> None:
    subarray.assign_resources(block.assign(subarray.id))
    send("subarray.resources.allocated", subarray_id=subarray.id)
    send("sb.lifecycle.allocated", sb_id=block.id)
    for scan in block.scans:
        _scan(block, scan, subarray, gate)
    subarray.end()
    subarray.release_resources(block.release(subarray.id))
    send("subarray.resources.deallocated", subarray_id=subarray.id)


def _scan(block: Block, scan: Scan, subarray: SubArray, gate: QaGate) -> None:
    about = {"sb_id": block.id, "scan_id": scan.number}
    gate.begin_scan()
    send("scan.lifecycle.configure.started", **about)
    with _failure_told("scan.lifecycle.configure.failed", about):
        subarray.configure(block.configure(scan))
    send("scan.lifecycle.configure.complete", **about)
    send("subarray.configured", subarray_id=subarray.id)
    gate.wait()
    send("scan.lifecycle.start", **about)
    send("subarray.scan.started", subarray_id=subarray.id)
    with _failure_told("scan.lifecycle.end.failed", about):
        subarray.scan(block.scan(scan, subarray.id), timeout=scan.duration + _SCAN_MARGIN)
    send("subarray.scan.finished", subarray_id=subarray.id)
    send("scan.lifecycle.end.succeeded", **about)


@contextlib.contextmanager
def _failure_told(topic: str, about: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except TelescopeError:
        send(topic, **about)
        raise

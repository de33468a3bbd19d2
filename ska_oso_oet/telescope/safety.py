"""Leaving a subarray safe after a failure, and aborting it on the operator's word; both report their steps.

Safe states are EMPTY, in which nothing can move, and ABORTED, in which nothing moves and only a restart
leads on. After a failure the running activity is aborted and not restarted: the resources stay as they are
for those who look for the reason.
"""

from __future__ import annotations

import time
from typing import Any

from .announce import announce
from .errors import CommandRefused, TelescopeError, WrongState
from .states import ObsState
from .subarray import SubArray

S = ObsState

_RESTART_TIMEOUT = 60.0  #: seconds


def make_safe(subarray: SubArray, release: dict[str, Any]) -> None:
    """Bring a subarray to a safe state, by gentle means if possible; announce each step.

    :param release: the argument of ReleaseResources
    """
    try:
        done = _release(subarray, release)
    except TelescopeError as error:
        announce(f"subarray {subarray.id} could not be released: {error}")
        try:
            done = abort(subarray, timeout=30.0)
        except TelescopeError as worse:
            announce(f"SUBARRAY {subarray.id} IS NOT SAFE: {worse}")
            return
    announce(f"made safe: {done}")


def _release(subarray: SubArray, release: dict[str, Any]) -> str:
    state = subarray.obs_state
    if state is S.FAULT:
        subarray.restart(_RESTART_TIMEOUT)
        return f"subarray {subarray.id} was in FAULT and was restarted; it is EMPTY"
    if state not in (S.READY, S.IDLE, S.EMPTY):
        return abort(subarray, timeout=30.0)
    done = []
    if state is S.READY:
        subarray.end()
        done.append("its configuration was ended")
    if state is not S.EMPTY:
        subarray.release_resources(release)
        done.append("its resources were released")
    return f"subarray {subarray.id} is EMPTY; {' and '.join(done) or 'it had no resources'}"


def abort(subarray: SubArray, timeout: float, restart: bool = False) -> str:
    """Abort whatever a subarray is doing.

    :param timeout: seconds it may take to be ABORTED
    :param restart: whether to restart it afterwards, so that it is EMPTY
    :returns: a sentence with the steps and the final state of the subarray
    :raises TelescopeError: if it is neither ABORTED nor EMPTY
    """
    deadline = time.monotonic() + timeout
    done = _abort(subarray, deadline)
    if restart and subarray.obs_state is not S.EMPTY:
        subarray.restart(_RESTART_TIMEOUT)
        return f"{done}; it was restarted and is EMPTY"
    return done


def _abort(subarray: SubArray, deadline: float) -> str:
    who = f"subarray {subarray.id}"
    while True:
        left = max(0.0, deadline - time.monotonic())
        state = subarray.obs_state
        if state is S.EMPTY:
            return f"{who} is EMPTY: there was nothing to abort"
        if state is S.ABORTED:
            return f"{who} is ABORTED already"
        if state is S.ABORTING:
            subarray.wait_for([S.ABORTED], left)
            return f"{who} was ABORTING already and is ABORTED"
        if state is S.RESTARTING:
            subarray.wait_for([S.EMPTY], left)
            return f"{who} was RESTARTING and is EMPTY"
        if state is S.FAULT:
            return _leave_fault(subarray)
        try:
            subarray.abort(left)
            return f"{who} was {state.name} and is ABORTED"
        except (CommandRefused, WrongState):
            # It may have reached a state meanwhile in which Abort is not needed or means something else.
            if subarray.obs_state is state or time.monotonic() > deadline:
                raise


def _leave_fault(subarray: SubArray) -> str:
    """In FAULT a subarray takes no Abort; nothing but a restart leads on."""
    subarray.restart(_RESTART_TIMEOUT)
    return f"subarray {subarray.id} was in FAULT, where it takes no Abort; it was restarted and is EMPTY"

"""Abort the activity of the subarray; runs after a script was stopped with abort.

It is complete when the subarray is ABORTED, or EMPTY because there was nothing to abort. Everything else is a
failure, with a sentence that names the state of the subarray.
"""

from __future__ import annotations

from ska_oso_oet.telescope.announce import announce
from ska_oso_oet.telescope.safety import abort
from ska_oso_oet.telescope.subarray import SubArray


def main(subarray_id: int | None = None, timeout: float = 30.0, restart: bool = False) -> None:
    """Send Abort to the subarray and see it through.

    :param subarray_id: by default the subarray of this OET
    :param timeout: seconds it may take to be ABORTED
    :param restart: whether to restart it afterwards, so that it is EMPTY
    :raises TelescopeError: the subarray was not aborted
    """
    # A device that is gone must not keep anybody waiting for the word that nothing was aborted.
    subarray = SubArray(subarray_id, silence=2.0)
    report = abort(subarray, timeout, restart)
    announce(report)
    print(report)

"""Abort the activity of the subarray; runs after a script was stopped with abort."""

import os


def main(subarray_id: int) -> None:
    """Send Abort to the subarray.

    :param subarray_id: the subarray whose script was stopped
    :raises RuntimeError: there is no telescope to send it to
    """
    target = os.environ.get("TANGO_HOST")
    known = f"TANGO_HOST is {target}" if target else "TANGO_HOST is not set"
    raise RuntimeError(
        f"subarray {subarray_id} was not aborted: no telescope is configured for this OET ({known}). "
        "Set OET_ABORT_SCRIPT to a script that aborts yours"
    )

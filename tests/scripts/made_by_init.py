"""main is made by init, as observing scripts for the SKA do."""

import functools


def init(subarray_id):
    global main
    main = functools.partial(_main, subarray_id)


def _main(subarray_id, sb_json=None, sbi_id="none", scans=1, *args, **kwargs):
    print("subarray", subarray_id, "sb", sb_json is not None, "scans", scans, sorted(kwargs))

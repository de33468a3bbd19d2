"""A long run: announces its progress, and cleans up however it ends."""

import time

from pubsub import pub

from ska_oso_oet.telescope.pace import checkpoint, estimate, progress


def main(scans: int = 60, seconds: float = 1.0) -> None:
    """Pretend to scan.

    :param scans: how many scans
    :param seconds: duration of each
    """
    estimate(scans * seconds)
    try:
        for scan in range(1, scans + 1):
            checkpoint("scan", n=scan, of=scans)
            pub.sendMessage("user.script.announce", msg=f"scan {scan} of {scans}")
            time.sleep(seconds)
            progress(scan, scans)
        print("All scans done")
    finally:
        print("Cleaning up: the subarray is left idle")

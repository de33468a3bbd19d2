"""A script that uses all of the library for its pace; each argument of main chooses one part."""

import os
import threading
import time

from ska_oso_oet.telescope.pace import ask, checkpoint, critical, estimate, progress


def init(estimated=None):
    if estimated is not None:
        estimate(float(estimated))
    checkpoint("in init")


def main(scans=3, gate=None, quiet=None):
    """Scan; wait at each scan for a file, and leave a file while it stands still."""
    for scan in range(1, scans + 1):
        checkpoint("scan", n=scan, of=scans, pausing=_leaves(quiet), resuming=_removes(quiet))
        print(f"scan {scan}", flush=True)
        if gate is not None:
            _wait_for(f"{gate}{scan}")
        progress(scan, scans, text=f"target {scan}")
    return {"scans": scans}


def _leaves(path):
    return None if path is None else lambda: open(path, "w").close()


def _removes(path):
    return None if path is None else lambda: os.remove(path)


def _wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.005)


def in_a_thread():
    thread = threading.Thread(target=checkpoint, args=("in a thread",))
    thread.start()
    thread.join()


def protected(entered, left, at_most):
    try:
        with critical("switching receivers", at_most=at_most):
            open(entered, "w").close()
            _wait_for(left)
            print("switched", flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", flush=True)


def asks(**about):
    print(ask("Is the wind acceptable?", **about), flush=True)


def floods():
    for n in range(1, 20_001):
        progress(n, 20_000)


def measures(times):
    began = time.perf_counter()
    for _ in range(times):
        checkpoint("often")
    return (time.perf_counter() - began) / times


def odd():
    for number in (0, -1, float("nan"), float("inf"), "soon", None):
        estimate(number)
    progress(float("nan"), 3)
    progress("some", 3)
    progress(1, 0)
    in_a_thread()


def main_of(name, **kwargs):
    return globals()[name](**kwargs)

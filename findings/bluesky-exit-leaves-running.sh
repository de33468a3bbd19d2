#!/bin/bash
# bluesky 1.15.1: a SystemExit out of a RunEngine call (a SIGTERM handler that calls sys.exit) runs none of the plan's
# clean-up: finalize_decorator is skipped, and RE.state stays "running". RE.abort() in "except SystemExit" runs the clean-up,
# but, other than from a prompt, returns before that has ended: wait until RE.state is "idle".
# Seen: "state running, cleaned up: False"; "after abort(): state aborting, cleaned up: False"; "later: state idle,
# cleaned up: True".
# Exits non-zero where that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check bluesky==1.15.1
cat > "$folder/look.py" <<'PYTHON'
import os, signal, sys, threading, time

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky import RunEngine

signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
cleaned = []


def clean_up():
    yield from bps.sleep(0.5)
    cleaned.append(True)


@bpp.finalize_decorator(clean_up)
def plan():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    yield from bps.sleep(30)


RE = RunEngine(context_managers=[])
try:
    RE(plan())
except SystemExit:
    first = (RE.state, bool(cleaned))
    print("state {}, cleaned up: {}".format(*first))
    RE.abort()
    second = (RE.state, bool(cleaned))
    print("after abort(): state {}, cleaned up: {}".format(*second))
    deadline = time.monotonic() + 10
    while RE.state != "idle" and time.monotonic() < deadline:
        time.sleep(0.05)
    third = (RE.state, bool(cleaned))
    print("later: state {}, cleaned up: {}".format(*third))
    sys.exit((first, second, third) != (("running", False), ("aborting", False), ("idle", True)))
sys.exit(1)
PYTHON
"$folder/venv/bin/python" "$folder/look.py"

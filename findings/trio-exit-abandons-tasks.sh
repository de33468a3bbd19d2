#!/bin/bash
# trio 0.35.0: a SystemExit from a signal handler ends trio.run() without cancelling: what "finally" blocks of tasks await is
# never run, not even in a shielded scope; a KeyboardInterrupt from Ctrl-C cancels all tasks, and they clean up. Since most
# programs turn SIGTERM into sys.exit, a program that is clean on Ctrl-C is not so in a container.
# Seen: "SIGTERM: SystemExit, cleaned up: False" and "SIGINT: KeyboardInterrupt, cleaned up: True".
# Exits non-zero where that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check trio==0.35.0
cat > "$folder/look.py" <<'PYTHON'
import os, signal, sys, threading

import trio

signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
signal.signal(signal.SIGINT, signal.default_int_handler)


def look(number):
    cleaned = []

    async def work():
        try:
            await trio.sleep(30)
        finally:
            with trio.move_on_after(5, shield=True):
                await trio.sleep(0.1)
                cleaned.append(True)

    threading.Timer(0.5, os.kill, (os.getpid(), number)).start()
    try:
        trio.run(work)
    except BaseException as error:
        print(f"{number.name}: {type(error).__name__}, cleaned up: {bool(cleaned)}")
        return bool(cleaned)


interrupted = look(signal.SIGINT)
terminated = look(signal.SIGTERM)
sys.exit((interrupted, terminated) != (True, False))
PYTHON
"$folder/venv/bin/python" "$folder/look.py"

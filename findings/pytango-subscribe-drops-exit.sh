#!/bin/bash
# PyTango 10.3.1: a SystemExit (or KeyboardInterrupt) that a signal handler raises while subscribe_event runs is printed and
# dropped. subscribe_event returns an id, and the program goes on as if nobody had asked it to end. Seen: "EventConsumer::
# subscribe_event() got std::exception: SystemExit: ..." on stderr, then what follows the call runs.
# Exits non-zero where the exception reaches the caller.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pytango==10.3.1
cat > "$folder/look.py" <<'PYTHON'
import signal, subprocess, sys, threading, os

SERVER = '''
import os, sys, threading, time
from tango.server import Device, attribute
from tango.test_context import DeviceTestContext

class Thing(Device):
    def init_device(self):
        super().init_device()
        self.set_change_event("slow", True, False)

    @attribute(dtype=float)
    def slow(self):
        time.sleep(2)
        return 1.0

with DeviceTestContext(Thing, process=False) as proxy:
    address = f"tango://{proxy.get_dev_host()}:{proxy.get_dev_port()}/{proxy.dev_name()}#dbase=no"
    os.write(int(sys.argv[1]), address.encode())
    threading.Event().wait()
'''
import tango

signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
reading, writing = os.pipe()
server = subprocess.Popen([sys.executable, "-c", SERVER, str(writing)], pass_fds=[writing])
dropped = False
try:
    proxy = tango.DeviceProxy(os.read(reading, 1000).decode())
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        subscription = proxy.subscribe_event("slow", tango.EventType.CHANGE_EVENT, lambda event: None)
        dropped = True
        print("subscribe_event returned", subscription, "and SystemExit is gone")
    except SystemExit:
        print("SystemExit reached the caller")
finally:
    server.kill()
    server.wait()
sys.exit(not dropped)
PYTHON
"$folder/venv/bin/python" "$folder/look.py"

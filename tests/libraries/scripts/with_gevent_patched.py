"""gevent: patched when the script is loaded."""

from gevent import monkey

monkey.patch_all()

import subprocess
import threading
import time

from marks import Marks


def work(marks, seconds):
    time.sleep(min(seconds, 0.1))
    marks.saw("greenlet")


def main(folder, seconds):
    marks = Marks(folder)
    marks.begun("main")
    try:
        thread = threading.Thread(target=work, args=(marks, seconds))
        thread.start()
        thread.join()
        marks.saw(subprocess.run(["echo", "child"], capture_output=True, text=True).stdout.strip())
        marks.saw(f"{len(threading.enumerate())} thread")
        marks.here()
        time.sleep(seconds)
    finally:
        time.sleep(0.1)
        marks.cleaned("main")

"""threads."""

import threading
import time

from marks import Marks


def work(marks, stop, seconds):
    marks.begun("thread")
    stop.wait(seconds)
    time.sleep(0.3)
    marks.cleaned("thread")


def main(folder, seconds):
    marks = Marks(folder)
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(marks, stop, seconds))
    marks.begun("main")
    thread.start()
    try:
        marks.here()
        thread.join()
    finally:
        stop.set()
        marks.cleaned("main")

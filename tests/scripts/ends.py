"""What a program leaves to its end: files, threads, exit functions, destructors. Leaves marks in a folder."""

import atexit
import gzip
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import shared_memory
from pathlib import Path

kept = []


class Destroyed:
    def __init__(self, mark):
        self.mark = mark

    def __del__(self):
        self.mark.write_text("destroyed")


def square(n):
    return n * n


def late(mark, seconds):
    time.sleep(seconds)
    mark.write_text("done")


def main(folder, way="return", seconds=0.3):
    folder = Path(folder)
    text = open(folder / "text.csv", "w")
    packed = gzip.open(folder / "packed.gz", "wt")
    for n in range(20):
        text.write(f"{n},3.14\n")
        packed.write(f"{n},3.14\n")
    threads = ThreadPoolExecutor()
    threads.submit(late, folder / "pool", seconds)
    processes = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork"))
    assert list(processes.map(square, [1, 2])) == [1, 4]
    memory = shared_memory.SharedMemory(create=True, size=16)
    (folder / "memory").write_text(memory.name)
    kept.extend([text, packed, threads, processes, memory, Destroyed(folder / "destroyed")])
    threading.Thread(target=late, args=(folder / "thread", seconds)).start()
    atexit.register((folder / "atexit").write_text, "called")
    print("here", flush=True)
    if way == "raise":
        raise ValueError("on purpose")
    if way == "exit":
        sys.exit(0)
    if way == "wait":
        time.sleep(60)
    if way == "crash":  # in Python's own end
        kept.append(Crash())
    if way == "leave":
        threading.Thread(target=lambda: (time.sleep(0.2), os._exit(3))).start()


class Crash:
    def __del__(self, kill=os.kill, pid=os.getpid()):
        kill(pid, 11)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Every way not to want to die. Announces its position, then stays there."""

import os
import signal
import socket
import subprocess
import threading
import time

from pubsub import pub


def here(**more):
    pub.sendMessage("user.script.announce", msg="here", pid=os.getpid(), **more)


def sleeping():
    here()
    time.sleep(3600)


def busy():
    here()
    while True:
        pass


def ignores_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    here()
    time.sleep(3600)


def blocked_in_recv():
    ours, theirs = socket.socketpair()
    here()
    ours.recv(1)


def blocked_in_subprocess():
    child = subprocess.Popen(["sleep", "3600"])
    here(child=child.pid)
    child.wait()


def swallows_everything():
    here()
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass


def non_daemon_threads():
    threads = [threading.Thread(target=time.sleep, args=(3600,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    here()
    for thread in threads:
        thread.join()


def grandchild():
    """Double-forked, in a session of its own, with an environment of its own, ignoring signals."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            os.closerange(0, 64)
            os.execve("/bin/sh", ["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 3600; done"], {})
        os._exit(0)
    os.wait()
    here(child=int(os.read(reader, 20)))
    time.sleep(3600)


def forker():
    """Starts processes as fast as it can, each of which does the same for a while."""
    here()
    while True:
        if os.fork() == 0:
            os.setsid()
            time.sleep(3600)
        time.sleep(0.001)


def cleans_up(seconds):
    try:
        here()
        time.sleep(3600)
    finally:
        time.sleep(seconds)
        print("cleaned up")


def main(way, *args):
    globals()[way](*args)

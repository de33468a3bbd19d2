"""Scripts that catch, lose or delay their stop, and say what they saw of it."""

import asyncio
import atexit
import multiprocessing
import os
import signal
import threading
import time

from pubsub import pub


def here(where):
    pub.sendMessage("user.script.announce", msg=where)


class Lost:
    """Loses every exception of what it calls once, as callbacks from C++ do."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __del__(self):  # exceptions raised in here are printed and gone
        here("here")
        time.sleep(self.seconds)


def lost():
    try:
        Lost(60)
        while True:
            time.sleep(0.01)
    finally:
        print("cleaned up")


def caught():
    try:
        here("here")
        try:
            time.sleep(60)
        except SystemExit as error:
            print("caught", error.reason)
        time.sleep(60)
    finally:
        print("cleaned up")


def kept():
    saved = []
    try:
        here("here")
        try:
            time.sleep(60)
        except BaseException as error:
            saved.append(error)
        time.sleep(60)
    finally:
        print("cleaned up")


def handles_another():
    """As a command that timed out when the stop came: what it does then must be whole."""
    try:
        try:
            here("here")
            raise TimeoutError("the device does not answer")
        finally:
            for _ in range(10):
                time.sleep(0.05)
            print("made safe")
    except TimeoutError:
        print("goes on")
    time.sleep(60)


def handles_another_for_ever():
    try:
        raise TimeoutError
    except TimeoutError:
        try:
            here("here")
            time.sleep(60)
        finally:
            print("cleaned up")


def cleans_up_slowly():
    try:
        here("here")
        time.sleep(60)
    finally:
        for n in range(6):
            time.sleep(0.2)
            try:
                raise ValueError(n)
            except ValueError:
                pass
        print("cleaned up")


def runs_coroutines():
    async def part():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.3)
            print("part cleaned up")

    async def whole():
        try:
            here("here")
            await asyncio.gather(part(), part())
        finally:
            await asyncio.sleep(0.5)
            print("whole cleaned up")

    try:
        asyncio.run(whole())
    except SystemExit as error:
        print("stopped", error.reason)
        raise


def coroutine_that_blocks():
    async def whole():
        try:
            here("here")
            while True:
                time.sleep(0.2)
        finally:
            print("cleaned up")

    try:
        asyncio.run(whole())
    except SystemExit as error:
        print("stopped", error.reason)
        raise


def coroutine_that_swallows():
    async def whole():
        try:
            here("here")
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                print("swallowed")
            while True:
                await asyncio.sleep(0.01)
        finally:
            print("cleaned up")

    asyncio.run(whole())


def loop_for_ever():
    async def whole():
        try:
            here("here")
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            print("cleaned up")

    loop = asyncio.new_event_loop()
    task = loop.create_task(whole())  # noqa: F841
    try:
        loop.run_forever()
    except SystemExit as error:
        print("stopped", error.reason)
        raise


def group_in_loop_for_ever():
    async def part():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.3)
            print("part cleaned up")

    async def whole():
        async with asyncio.TaskGroup() as group:
            group.create_task(part())
            group.create_task(part())
            here("here")

    loop = asyncio.new_event_loop()
    task = loop.create_task(whole())
    watched = loop.create_task(part())
    watched.add_done_callback(lambda done: None)
    loop.run_forever()


def waits_in_greenlets():
    """As with gevent: whoever waits switches to a greenlet that does, where no exception is being handled."""
    from greenlet import greenlet

    def wait(seconds):
        greenlet(time.sleep).switch(seconds)

    try:
        here("here")
        wait(60)
    finally:
        wait(0.7)
        print("cleaned up")


def cleans_up_in_a_greenlet():
    """It is interrupted itself, and its clean-up waits as gevent has it wait."""
    from greenlet import getcurrent, greenlet

    main = getcurrent()

    def part():
        try:
            here("here")
            time.sleep(60)
        finally:
            main.switch()
            print("part cleaned up")

    try:
        part = greenlet(part)
        part.switch()
        hub = greenlet(time.sleep)
        hub.switch(0.7)
        try:
            part.switch()
        except SystemExit:
            pass
    finally:
        print("cleaned up")


def joined_thread():
    """An exception in join makes Python believe that the thread has ended."""
    stop = threading.Event()

    def work():
        stop.wait()
        time.sleep(0.5)
        print("thread cleaned up")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        here("here")
        thread.join()
    finally:
        stop.set()


def joins_all_threads():
    here("here")
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            print("joining", thread.name)
            thread.join()
    print("joined")


def prints_without_end():
    here("here")
    n = 0
    while True:
        n += 1
        print(n)


def swallows_until_told_twice():
    """Has a way of its own to be told, as scripts that catch SIGTERM have."""
    told = []

    def hear(number, frame):
        told.append(number)
        here("not yet")
        if len(told) > 1:
            print("told twice")
            raise SystemExit

    signal.signal(signal.SIGTERM, hear)
    here("here")
    while True:
        time.sleep(60)


def asynchronous_generator():
    async def numbers():
        try:
            while True:
                yield 1
                await asyncio.sleep(0.05)
        finally:
            print("cleaning up")
            await asyncio.sleep(1)
            print("cleaned up")

    async def whole():
        here("here")
        async for _ in numbers():
            pass

    asyncio.run(whole())


def exit_function():
    def clean_up():
        here("cleaning up")
        time.sleep(1)
        print("cleaned up")

    atexit.register(clean_up)
    here("here")
    time.sleep(60)


class Slow:
    """Has a destructor that takes time, and a file that is written with it."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "w")
        self.file.write("row")

    def __del__(self, sleep=time.sleep, touch=open):
        touch(self.path + ".begun", "w").close()
        sleep(1)
        self.file.close()


def slow_destructor():
    global kept
    kept = Slow(os.path.abspath("rows"))


def terminates_children():
    """A helper that catches everything is ended as it is without an OET."""
    ready = multiprocessing.Event()
    helper = multiprocessing.Process(target=_stays, args=(ready,))
    helper.start()
    ready.wait()
    helper.terminate()
    helper.join(20)
    print(helper.exitcode)


def terminates_newborns():
    """A SIGTERM reaches a child however young it is."""
    left = []
    for _ in range(300):
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        os.kill(child, signal.SIGTERM)
        left.append(child)
    until = time.monotonic() + 10
    while left and time.monotonic() < until:
        left = [child for child in left if not os.waitpid(child, os.WNOHANG)[0]]
    print(len(left))


def _stays(ready):
    while True:
        try:
            ready.set()
            time.sleep(60)
        except BaseException:
            pass


def main(way):
    globals()[way]()

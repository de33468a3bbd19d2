"""Prints or publishes as fast as it can."""

import sys

from pubsub import pub


def output(megabytes):
    line = "x" * 1023 + "\n"
    block = line * 1024
    for _ in range(megabytes):
        sys.stdout.write(block)
    print("the last line")


def messages(count):
    for n in range(count):
        pub.sendMessage("user.script.flood", n=n)


def main(what, *args):
    globals()[what](*args)

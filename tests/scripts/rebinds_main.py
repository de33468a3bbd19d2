"""Rebinds main inside init, as observing scripts do."""

import functools

from pubsub import pub


def init(subarray_id):
    global main
    main = functools.partial(_main, subarray_id)


def _main(subarray_id, word="nothing"):
    pub.sendMessage("user.script.announce", msg=f"{subarray_id} {word}")


def main():
    raise RuntimeError("the main of before init was called")

"""Ordinary Python that needs the module to be registered: siblings, dataclasses, pickling, processes."""

import dataclasses
import multiprocessing
import os
import pickle

import sibling
from pubsub import pub


@dataclasses.dataclass
class Scan:
    number: int


def square(n):
    return n * n


def main():
    assert pickle.loads(pickle.dumps(Scan(3))) == Scan(3)
    assert __name__ != "__main__"
    assert os.path.basename(__file__) == "ordinary.py"
    with multiprocessing.get_context("spawn").Pool(1) as spawned:
        assert spawned.map(square, [7]) == [49]
    with multiprocessing.get_context("fork").Pool(1) as forked:
        assert forked.map(square, [8]) == [64]
    pub.sendMessage("user.script.announce", msg=sibling.WORD)

"""Publishes what JSON cannot carry, and where scripts may not."""

import datetime

from pubsub import pub


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no representation")


def main():
    loop = []
    loop.append(loop)
    pub.sendMessage("user.odd", nan=float("nan"), when=datetime.date(2026, 1, 2), keys={(1, 2): 3}, loop=loop)
    pub.sendMessage("user.odd", unprintable=Unprintable(), surrogate="\ud800", bytes=b"\xff", big=10**400)
    pub.sendMessage("request.procedure.stop", cmd={"pid": 1})
    pub.sendMessage("procedure.lifecycle.failed", result={})
    pub.sendMessage("my.own.topic", name="n", time=1, msg_src="nobody")
    pub.sendMessage("user.script.announce", msg="the end")

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
    for topic, fields in (
        ("request.procedure.stop", {"cmd": {"pid": 1}}),
        ("procedure.lifecycle.failed", {"result": {}}),
        ("my.a\nb", {}),
    ):
        try:
            pub.sendMessage(topic, **fields)
        except ValueError as error:
            print(error)
    pub.sendMessage("my own/topic", topic="t", topic_="u", time=1, msg_src="nobody", id="i", name="n")
    pub.sendMessage("user.script.announce", msg="the end")

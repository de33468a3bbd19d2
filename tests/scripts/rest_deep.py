"""Publishes ever more deeply nested values."""

from pubsub import pub


def main(*depths):
    for depth in depths:
        value = []
        for _ in range(depth):
            value = [value]
        pub.sendMessage("user.deep", depth=depth, value=value)
    pub.sendMessage("user.script.announce", msg="the end")

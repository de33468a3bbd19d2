"""Announces what its functions were given."""

from pubsub import pub

given = {}


def init(*args, **kwargs):
    given["init"] = [list(args), kwargs]


def main(*args, **kwargs):
    pub.sendMessage("user.script.announce", msg={**given, "main": [list(args), kwargs]})

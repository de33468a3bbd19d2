import os


def init(status=0, **kwargs):
    os._exit(status)


def main():
    pass

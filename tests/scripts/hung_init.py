import time


def init(**kwargs):
    while True:
        try:
            time.sleep(3600)
        except SystemExit:
            raise


def main():
    pass

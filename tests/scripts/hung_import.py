while True:
    pass


def main():
    pass

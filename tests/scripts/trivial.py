def main(*args, **kwargs):
    pass

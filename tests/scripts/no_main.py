def init(**kwargs):
    pass

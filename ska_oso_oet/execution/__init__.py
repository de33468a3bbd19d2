"""Running scripts: the service that decides, the supervisor that watches, the runner that executes.

::

    service.py      in SESWorker: carries out commands, keeps the procedures
    launcher.py     in SESWorker: has a warm supervisor and runner ready
    handle.py       in SESWorker: one supervised run, seen from outside
    nursery.py      a process of its own: forks supervisors from a small, warm interpreter
    supervisor.py   a process per procedure: watches, records (reporter.py), kills
    runner.py       the script's process: loads the file, calls init() and main()
    preparation.py  in the script's process, before that: git.py fetches it
    environments.py and has uv (installer.py) install what its project needs (projects.py, poetry.py)
    shelf.py        what runs share: mirrors, work trees, environments
"""

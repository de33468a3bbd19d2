"""The bodies of the processes: the arbiter and its workers."""

#: The names of the workers on the bus, by role, which is their subcommand of `oet-server`.
NAMES = {
    "central": "CentralWorker",
    "bus": "Bus",
    "ses": "SESWorker",
    "activity": "ActivityWorker",
    "rest": "FlaskWorker",
}

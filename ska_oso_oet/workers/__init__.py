"""The bodies of the processes: the arbiter and the four workers."""

#: The workers by role, the word `oet-server` knows them by, with the names they have on the bus.
NAMES = {"bus": "Bus", "ses": "SESWorker", "activity": "ActivityWorker", "rest": "FlaskWorker"}

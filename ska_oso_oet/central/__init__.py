"""The central history: the messages of all subarrays, in one PostgreSQL database.

=====================  =================================================================================
``replicator.py``      keeps the central history up to date with the journal
``history_writer.py``  copies pieces of the journal for it, and waits for the database
``source.py``          the journal, read only
``recovery.py``        fetches missing messages into a journal before the broker opens it
``queries.py``         answers queries about all subarrays, over the bus
``store.py``           reads and writes the tables of ``schema.py``; ``database.py`` connects
=====================  =================================================================================

Runs in CentralWorker, which is started only if `OET_DATABASE_URL` names a PostgreSQL database.
"""

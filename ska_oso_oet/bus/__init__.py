"""The event bus: pypubsub inside a process, a broker with a journal between processes.

The only package that knows pypubsub and SQLAlchemy.
"""

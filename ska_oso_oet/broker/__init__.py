"""The broker of the event bus: numbers messages, writes them to the journal, delivers them.

Runs in the bus process.
"""

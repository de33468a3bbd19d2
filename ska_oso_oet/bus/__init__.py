"""A worker's end of the event bus: pypubsub inside a process, frames to the broker.

The only room that knows pypubsub.
"""

"""The files of a run: its directory, its output, and the protocol of those who write them.

Standard library only.
"""

"""The Observation Execution Tool: runs observing scripts for one telescope subarray."""

__version__ = "1.0.0"

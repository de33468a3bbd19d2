"""Persistent documents and folders, on a disk that may be full.

Standard library only.
"""

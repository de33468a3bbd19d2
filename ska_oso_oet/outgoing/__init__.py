"""Requests to servers of others: the archive, an identity provider, a collector.

Such a server may be slow, hostile or not the one it is taken for. It delays nobody beyond a deadline, takes
no memory beyond a limit, and gets no password that is meant for another.
"""

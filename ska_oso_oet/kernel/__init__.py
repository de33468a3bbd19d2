"""The OET's interface to Linux: processes, Landlock, accounts, sockets' peers, private memory.

Standard library only.
"""

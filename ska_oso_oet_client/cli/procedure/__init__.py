"""``oet procedure``: observing scripts, one by one."""

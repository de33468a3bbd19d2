"""Procedures, activities and their rules: pure functions, standard library only, no I/O and no clock."""

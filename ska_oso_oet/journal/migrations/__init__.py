"""How the tables of the journal have changed from release to release, for alembic; see ../migration.py."""

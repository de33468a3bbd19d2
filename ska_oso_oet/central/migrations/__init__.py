"""How the tables of the central history have changed from release to release, for alembic."""

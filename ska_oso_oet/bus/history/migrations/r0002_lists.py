"""When procedures and activities were created, and the scripts of activities, as lists are asked for them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _last(pattern: str) -> str:
    """What is in the parentheses of a pattern; as text, for PostgreSQL reads no JSON with a NUL in it.

    What users have given stands before it.
    """
    return f"CAST(substring(document from '.*{pattern}') AS double precision)"


def upgrade() -> None:
    for table in ("oet_procedures", "oet_documents"):
        op.add_column(table, sa.Column("created", sa.Double))
    op.add_column("oet_documents", sa.Column("script_uri", sa.Text))
    op.create_index("ix_oet_procedures_created", "oet_procedures", ["created"])
    created = _last('"history": \\{"process_states": \\[\\["[A-Z_]+", ([0-9.]+)')
    op.execute(sa.text(f"UPDATE oet_procedures SET created = {created}".replace(":", "\\:")))
    created = _last('"activity_states": \\[\\["[A-Z_]+", ([0-9.]+)')
    procedure = "CAST(substring(d.document from '\"procedure_id\": ([0-9]+)') AS bigint)"
    statement = (
        f"UPDATE oet_documents AS d SET created = {created}, script_uri = (SELECT p.script_uri "
        f"FROM oet_procedures AS p WHERE p.subarray = d.subarray AND p.pid = {procedure}) "
        "WHERE kind = 'activity'"
    )
    op.execute(sa.text(statement.replace(":", "\\:")))

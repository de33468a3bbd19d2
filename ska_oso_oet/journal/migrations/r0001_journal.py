"""The tables of release 1.0.0."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(100), unique=True, nullable=False),
        sa.Column("topic", sa.String(200), nullable=False),
        sa.Column("about", sa.Integer, index=True),
        sa.Column("request_id", sa.String(100), index=True),
        sa.Column("time", sa.Float, nullable=False, index=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    audited = sa.text("topic IN ('audit.command', 'audit.result', 'auth.refused')")
    op.create_index("ix_messages_audit", "messages", ["seq"], sqlite_where=audited)
    op.create_table(
        "procedures",
        sa.Column("pid", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("script_uri", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created", sa.Float, index=True),
    )
    op.create_table(
        "documents",
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created", sa.Float),
        sa.Column("script_uri", sa.Text),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(100), unique=True, nullable=False),
        sa.Column("time", sa.Float, nullable=False, index=True),
        sa.Column("user", sa.String(255), index=True),
        sa.Column("name", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("what", sa.Text),
        sa.Column("request_id", sa.String(100)),
        sa.Column("status", sa.Integer, index=True),
        sa.Column("detail", sa.Text),
    )
    op.create_table(
        "notes",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )

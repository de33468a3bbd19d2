"""Messages, and the latest document of every procedure."""

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
    op.create_table(
        "procedures",
        sa.Column("pid", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(20), nullable=False, index=True),
        sa.Column("script_uri", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )

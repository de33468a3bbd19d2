"""Who asked for what, and what they were answered."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
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

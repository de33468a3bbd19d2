"""The tables of release 1.0.0."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _key(name: str, kind: type[sa.types.TypeEngine[int]] = sa.BigInteger) -> "sa.Column[int]":
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "oet_messages",
        _key("subarray", sa.Integer),
        _key("seq"),
        sa.Column("position", sa.BigInteger, nullable=False, unique=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("about", sa.BigInteger),
        sa.Column("request_id", sa.Text),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("subarray", "id"),
    )
    op.create_index("ix_oet_messages_about", "oet_messages", ["subarray", "about"])
    op.create_table(
        "oet_procedures",
        _key("subarray", sa.Integer),
        _key("pid"),
        sa.Column("position", sa.BigInteger, nullable=False, unique=True),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("script_uri", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created", sa.Double),
    )
    op.create_index("ix_oet_procedures_created", "oet_procedures", ["created"])
    op.create_table(
        "oet_documents",
        _key("subarray", sa.Integer),
        sa.Column("kind", sa.Text, primary_key=True),
        _key("id"),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created", sa.Double),
        sa.Column("script_uri", sa.Text),
    )
    op.create_table(
        "oet_audit",
        _key("subarray", sa.Integer),
        _key("seq"),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("user", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("what", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.Column("status", sa.Integer),
        sa.Column("detail", sa.Text),
    )
    op.create_index("ix_oet_audit_id", "oet_audit", ["subarray", "id"])
    op.create_table(
        "oet_instances",
        _key("subarray", sa.Integer),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
    )
    op.create_table("oet_head", _key("id", sa.Integer), sa.Column("position", sa.BigInteger, nullable=False))
    op.execute("INSERT INTO oet_head (id, position) VALUES (1, 0)")

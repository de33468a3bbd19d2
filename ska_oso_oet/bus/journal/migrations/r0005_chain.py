"""Records of the audit are linked to a chain, which begins behind those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_AUDITED = "topic IN ('audit.command', 'audit.result', 'auth.refused')"


def upgrade() -> None:
    op.create_index("ix_messages_audit", "messages", ["seq"], sqlite_where=sa.text(_AUDITED))
    op.execute(
        "INSERT INTO notes (name, value) SELECT 'audit_anchor', json_object('id', max(seq)) FROM messages "
        f"WHERE {_AUDITED} HAVING max(seq) IS NOT NULL"
    )

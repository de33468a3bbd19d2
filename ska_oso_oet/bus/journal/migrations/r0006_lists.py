"""When procedures and activities were created, and the scripts of activities, as lists are asked for them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("procedures", sa.Column("created", sa.Float))
    op.create_index("ix_procedures_created", "procedures", ["created"])
    op.add_column("documents", sa.Column("created", sa.Float))
    op.add_column("documents", sa.Column("script_uri", sa.Text))
    op.execute("UPDATE procedures SET created = json_extract(document, '$.history.process_states[0][1]')")
    op.execute(
        "UPDATE documents SET created = json_extract(document, '$.activity_states[0][1]'), script_uri = "
        "(SELECT script_uri FROM procedures WHERE pid = json_extract(documents.document, '$.procedure_id')) "
        "WHERE kind = 'activity'"
    )

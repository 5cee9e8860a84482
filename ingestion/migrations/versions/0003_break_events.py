"""The life of breaks: every step of every break, appended and never changed."""

import sqlalchemy as sa
from alembic import op

from ingestion.database import Utc

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "break_events",
        sa.Column(
            "event_no",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("break_id", sa.String(40), nullable=False, index=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("known_at", Utc, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("assignee", sa.String(200), nullable=True),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=True),
    )

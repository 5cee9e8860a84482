"""The inbox: messages as they came, and the batches in which they go on to the lake."""

import sqlalchemy as sa
from alembic import op

from ingestion.database import Utc

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "inbox",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("message_id", sa.String(300), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("content_type", sa.String(200), nullable=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at", Utc, nullable=False),
        sa.Column("copies", sa.Integer, nullable=False),
        sa.Column("differing", sa.Integer, nullable=False),
        sa.Column("batch", sa.Integer, nullable=True, index=True),
        sa.UniqueConstraint("source", "message_id", name="inbox_once"),
    )
    op.create_table(
        "inbox_batches",
        sa.Column("batch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("sealed_at", Utc, nullable=False),
        sa.Column("delivered_at", Utc, nullable=True),
    )

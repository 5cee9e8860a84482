"""API keys, recommendations given, feedback, idempotency and the audit chain."""

import sqlalchemy as sa
from alembic import op

from ingestion.database import Utc

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("sites", sa.JSON, nullable=True),
        sa.Column("created_at", Utc, nullable=False),
        sa.Column("revoked_at", Utc, nullable=True),
    )
    op.create_table(
        "recommendations",
        sa.Column("recommendation_id", sa.String(40), primary_key=True),
        sa.Column("return_line_id", sa.String(200), nullable=False, index=True),
        sa.Column("site", sa.String(100), nullable=False),
        sa.Column("caller", sa.String(32), nullable=False),
        sa.Column("given_at", Utc, nullable=False),
        sa.Column("expires_at", Utc, nullable=False),
        sa.Column("input_hash", sa.String(64), nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("feedback_id", sa.String(40), primary_key=True),
        sa.Column(
            "recommendation_id",
            sa.String(40),
            sa.ForeignKey("recommendations.recommendation_id"),
            nullable=False,
            index=True,
        ),
        sa.Column("caller", sa.String(32), nullable=False),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("disposition", sa.String(40), nullable=True),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.Column("comment", sa.Text, nullable=True),
        sa.Column("decided_at", Utc, nullable=True),
        sa.Column("recorded_at", Utc, nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.String(32), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", Utc, nullable=False, index=True),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", Utc, nullable=False),
        sa.Column("caller", sa.String(32), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False, index=True),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )

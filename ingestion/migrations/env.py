"""Alembic's entry: run inside the connection ``ingestion.database.upgrade`` hands over."""

from alembic import context

from ingestion.database import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()

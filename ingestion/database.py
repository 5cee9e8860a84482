"""The relational side of a home: API keys, recommendations given, feedback, audit (and the inbox).

SQLite in WAL mode inside the home by default, PostgreSQL when ``RETRACE_DATABASE_URL`` says so.
``engine()`` brings the schema to its newest version before anybody sees it; the schema's history
is the Alembic scripts in ``ingestion/migrations/versions``, appended to and never edited.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from ingestion.errors import RetraceError
from ingestion.settings import Settings

HEAD = "0003"
MIGRATIONS = Path(__file__).with_name("migrations")
_WRITERS = 7_307_383_301  # any constant: PostgreSQL's advisory lock of Retrace's writers


class DatabaseUnreachable(RetraceError):
    """The relational database cannot be opened or upgraded."""

    def __init__(self, url: str, why: object) -> None:
        self.url = url
        super().__init__(
            f"The database {url} cannot be used: {why}. "
            "Check RETRACE_DATABASE_URL and that the server runs, or unset it to use SQLite."
        )


class Utc(sa.TypeDecorator[datetime]):
    """A moment in UTC; aware datetimes in and out, whatever the database keeps."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA = sa.MetaData()

API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("key_id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("sites", sa.JSON, nullable=True),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("revoked_at", Utc, nullable=True),
)

RECOMMENDATIONS = sa.Table(
    "recommendations",
    METADATA,
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

FEEDBACK = sa.Table(
    "feedback",
    METADATA,
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

IDEMPOTENCY = sa.Table(
    "idempotency",
    METADATA,
    sa.Column("caller", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Utc, nullable=False, index=True),
)

AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("caller", sa.String(32), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False, index=True),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

INBOX = sa.Table(
    "inbox",
    METADATA,
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

INBOX_BATCHES = sa.Table(
    "inbox_batches",
    METADATA,
    sa.Column("batch", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("messages", sa.Integer, nullable=False),
    sa.Column("sealed_at", Utc, nullable=False),
    sa.Column("delivered_at", Utc, nullable=True),
)

BREAK_EVENTS = sa.Table(
    "break_events",
    METADATA,
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


def engine(settings: Settings) -> Engine:
    """Open the home's database, its schema brought up to date.

    Returns
    -------
    sqlalchemy.Engine
        Its execution option ``secrets_dir`` names the folder of the home's secrets.

    Raises
    ------
    DatabaseUnreachable
        The URL is wrong, the server is down, or the file is not a database.
    """
    shown = settings.database_url
    try:
        url = make_url(settings.database_url)
        shown = url.render_as_string(hide_password=True)
        if url.drivername in {"postgresql", "postgres"}:
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        opened = sa.create_engine(
            url, pool_pre_ping=url.get_backend_name() != "sqlite"
        ).execution_options(secrets_dir=str(settings.secrets_dir))
        if opened.dialect.name == "sqlite":
            _prepare_sqlite(opened)
        upgrade(opened)
    except (ArgumentError, NoSuchModuleError, OSError) as error:
        raise DatabaseUnreachable(shown, error) from error
    except DBAPIError as error:
        raise DatabaseUnreachable(shown, str(error.orig).strip().splitlines()[0]) from error
    return opened


def upgrade(opened: Engine) -> None:
    """Run the migrations this database has not seen, in one transaction, one process at a time."""
    if _version(opened) == HEAD:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with writing(opened) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def writing(opened: Engine) -> Iterator[Connection]:
    """Open a transaction that waits for every other writer, so what it reads stays true.

    Leaving the block commits; an exception rolls back.
    """
    with opened.execution_options(retrace_writing=True).begin() as connection:
        if opened.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))
        yield connection


def _version(opened: Engine) -> str | None:
    with opened.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("select version_num from alembic_version")).scalar()


def _prepare_sqlite(opened: Engine) -> None:
    """Durable WAL, and transactions that begin when we say so (not when the driver guesses)."""

    @sa.event.listens_for(opened, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in (
            "busy_timeout = 30000",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            cursor.execute(f"pragma {pragma}")
        cursor.close()

    @sa.event.listens_for(opened, "begin")
    def on_begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("retrace_writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

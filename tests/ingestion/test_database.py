import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ingestion.database import (
    API_KEYS,
    HEAD,
    METADATA,
    MIGRATIONS,
    DatabaseUnreachable,
    engine,
    upgrade,
    writing,
)
from ingestion.settings import Settings


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def database(request, tmp_path):
    home = tmp_path / "a home 100%"
    if request.param == "sqlite":
        settings = Settings.load(home)
    else:
        settings = Settings(home=home, database_url=request.getfixturevalue("postgres_url"))
    opened = engine(settings)
    yield opened
    opened.dispose()


def key_row(key_id="k"):
    return {
        "key_id": key_id,
        "name": "n",
        "secret_hash": "h",
        "sites": ["DC1"],
        "created_at": datetime(2026, 6, 30, 14, tzinfo=UTC),
    }


def test_the_migrations_make_exactly_the_tables_the_code_uses(database):
    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_head_named_in_the_code_is_the_newest_migration():
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_opening_again_changes_nothing(database):
    with writing(database) as connection:
        connection.execute(sa.insert(API_KEYS).values(key_row()))
    upgrade(database)
    with database.connect() as connection:
        assert connection.execute(sa.select(API_KEYS.c.key_id)).scalars().all() == ["k"]


def test_moments_come_back_aware_and_in_utc(database):
    from datetime import timedelta, timezone

    local = datetime(2026, 6, 30, 9, tzinfo=timezone(timedelta(hours=-5)))
    with writing(database) as connection:
        connection.execute(sa.insert(API_KEYS).values({**key_row(), "created_at": local}))
        [row] = connection.execute(sa.select(API_KEYS)).all()
    assert row.created_at == local
    assert row.created_at.utcoffset() == timedelta(0)
    assert row.revoked_at is None


def test_an_exception_leaves_nothing_behind(database):
    with pytest.raises(ZeroDivisionError), writing(database) as connection:
        connection.execute(sa.insert(API_KEYS).values(key_row()))
        raise ZeroDivisionError
    with database.connect() as connection:
        assert connection.execute(sa.select(API_KEYS)).all() == []


def test_writers_take_turns_so_what_one_reads_stays_true(database):
    def count_and_add(n):
        with writing(database) as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(API_KEYS)).scalar()
            connection.execute(sa.insert(API_KEYS).values(key_row(f"{count:03}")))

    threads = [threading.Thread(target=count_and_add, args=(n,)) for n in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with database.connect() as connection:
        ids = connection.execute(sa.select(API_KEYS.c.key_id)).scalars().all()
    assert sorted(ids) == [f"{n:03}" for n in range(20)]


def test_two_processes_may_open_a_new_home_at_once(settings):
    opened, errors = [], []

    def open_it():
        try:
            opened.append(engine(settings))
        except Exception as error:  # noqa: BLE001 - told to the test below
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    [database.dispose() for database in opened]
    assert errors == []
    assert len(opened) == 6


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "Could not parse"),
        ("foo://host/db", "foo"),
        ("postgresql://user:secret@127.0.0.1:1/db", "refused"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_clear_sentence(tmp_path, url, words):
    with pytest.raises(DatabaseUnreachable, match=words) as caught:
        engine(Settings(home=tmp_path, database_url=url))
    assert "RETRACE_DATABASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_clear_sentence(tmp_path):
    (tmp_path / "retrace.db").write_text("certainly not a database " * 100)
    with pytest.raises(DatabaseUnreachable, match="not a database"):
        engine(Settings.load(tmp_path))

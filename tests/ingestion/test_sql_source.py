"""Databases as a source: only what is new comes, nothing is lost on a tie, nothing is doubled."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingestion import sql_source
from ingestion.errors import RetraceError
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.pulled import PASSWORD, CannotPull, password_file
from ingestion.settings import Settings
from ingestion.sql_source import Query
from ingestion.status import status

START = datetime(2026, 7, 1, 8, tzinfo=UTC)
ODD = 'odd "name"; drop table steps; --'
SELECT = "select rma, step, at, changed_at, qty from steps where step <> ':none'"


class Erp:
    """A table of steps in somebody's database."""

    def __init__(self, url):
        self.url = url
        self.engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        self.table = sa.Table(
            "steps",
            sa.MetaData(),
            sa.Column("rma", sa.String),
            sa.Column("step", sa.String),
            sa.Column("at", sa.DateTime(timezone=True)),
            sa.Column("changed_at", sa.Integer),
            sa.Column("qty", sa.Numeric(12, 3)),
            sa.Column(ODD, sa.Integer),
        )
        self.table.create(self.engine)

    def add(self, *rows):
        """Rows of (rma, step, changed_at)."""
        with self.engine.begin() as connection:
            for rma, step, changed in rows:
                connection.execute(
                    sa.insert(self.table).values(
                        {
                            "rma": rma,
                            "step": step,
                            "at": START + timedelta(minutes=changed or 0),
                            "changed_at": changed,
                            "qty": 1,
                            ODD: changed,
                        }
                    )
                )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def erp(request, tmp_path):
    if request.param == "sqlite":
        made = Erp(f"sqlite:///{tmp_path / 'erp.db'}")
    else:
        made = Erp(request.getfixturevalue("postgres_url"))
    yield made
    made.engine.dispose()


def pull(settings, erp, watermark="changed_at", sql=SELECT, **more):
    query = Query(sql, watermark, **more)
    return ingest(settings, [erp.url], case="rma", activity="step", time="at", query=query)


def steps(settings):
    query = "select case_id, activity from events order by all"
    return Lake(settings.home).connect().execute(query).fetchall()


def test_a_second_run_brings_only_what_is_new(settings, erp):
    erp.add(("R1", "Receive", 1), ("R1", "Inspect", 2), ("R2", "Receive", 3))
    assert pull(settings, erp).accepted == 3
    erp.add(("R2", "Inspect", 4))
    second = pull(settings, erp)
    assert (second.received, second.accepted, second.duplicate) == (2, 1, 1)
    assert len(steps(settings)) == 4
    assert status(Lake(settings.home)).balanced


def test_a_row_that_ties_with_the_watermark_later_is_not_lost(settings, erp):
    erp.add(("R1", "Receive", 5))
    pull(settings, erp)
    erp.add(("R2", "Receive", 5), ("R1", "Receive", 5))  # the last is a twin of the first
    assert pull(settings, erp).accepted == 2
    assert steps(settings) == [("R1", "Receive"), ("R1", "Receive"), ("R2", "Receive")]


def test_rows_committed_late_come_with_an_overlap(settings, erp):
    erp.add(("R1", "Receive", 100))
    pull(settings, erp)
    erp.add(("R2", "Receive", 95))
    assert pull(settings, erp).accepted == 0
    assert pull(settings, erp, overlap=10).accepted == 1


def test_rows_without_a_watermark_are_not_lost(settings, erp):
    erp.add(("R1", "Receive", None), ("R2", "Receive", 2))
    assert pull(settings, erp).accepted == 2
    erp.add(("R3", "Receive", None))
    assert pull(settings, erp).accepted == 1


def test_without_a_watermark_everything_is_read_every_time(settings, erp):
    erp.add(("R1", "Receive", 1), ("R2", "Receive", 2))
    pull(settings, erp, watermark=None)
    erp.add(("R3", "Receive", 1))
    again = pull(settings, erp, watermark=None)
    assert (again.received, again.accepted, again.duplicate) == (3, 1, 2)


def test_times_work_as_watermarks(settings, erp):
    if erp.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no times")
    erp.add(("R1", "Receive", 1), ("R2", "Receive", 2))
    pull(settings, erp, watermark="at")
    erp.add(("R3", "Receive", 3), ("R4", "Receive", 1))
    assert pull(settings, erp, watermark="at").accepted == 1
    assert pull(settings, erp, watermark="at", overlap=120).accepted == 1


def test_a_name_is_only_ever_a_name(settings, erp):
    erp.add(("R1", "Receive", 1))
    name = ODD
    counts = pull(settings, erp, watermark=name, sql="select * from steps;")
    assert counts.accepted == 1
    assert pull(settings, erp, watermark=name, sql="select * from steps;").duplicate == 1


def test_a_query_cannot_change_anything(settings, erp):
    erp.add(("R1", "Receive", 1))
    for sql in ("delete from steps", "delete from steps returning *"):
        with pytest.raises(CannotPull):
            pull(settings, erp, sql=sql)
    with erp.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(erp.table)).scalar() == 1


def test_a_crash_before_the_lake_has_it_makes_it_come_again(settings, erp, monkeypatch):
    erp.add(("R1", "Receive", 1), ("R2", "Receive", 2))

    def dies(*_args, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("ingestion.session.Session.commit", dies)
        with pytest.raises(KeyboardInterrupt):
            pull(settings, erp)
    assert pull(settings, erp).accepted == 2
    assert len(steps(settings)) == 2


def test_a_reading_that_was_wrong_is_superseded_by_loading_the_kept_file_again(settings, erp):
    erp.add(("R1", "Receive", 1))
    pull(settings, erp)
    [kept] = settings.home.glob("pulled/*/*.parquet")
    ingest(settings, [kept], case="rma", activity="qty", time="at")
    assert steps(settings) == [("R1", "1.000")] or steps(settings) == [("R1", "1")]


@pytest.mark.parametrize(
    ("url", "query", "says"),
    [
        ("sqlite:////nowhere/erp.db", "select 1", "there is no such file"),
        ("postgresql://me:secret@127.0.0.1:1/x", "select 1", "Cannot read postgresql"),
        ("nosuch://host/db", "select 1", "driver"),
        ("nats://host", "select 1", "retrace consume"),
        ("https://host/log.csv", None, "Fetch the file first"),
        ("postgresql://host/db", None, "--query"),
    ],
)
def test_a_place_that_cannot_be_read_is_one_clear_sentence(settings, url, query, says):
    with pytest.raises(RetraceError, match=says) as caught:
        ingest(settings, [url], query=Query(query) if query else None)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)


def test_a_watermark_the_query_does_not_give_is_refused(settings, erp):
    with pytest.raises(CannotPull, match="changed"):
        pull(settings, erp, sql="select rma, step, at from steps")


def test_the_password_may_come_from_the_environment_or_a_file(settings, monkeypatch):
    url = sql_source._url(settings, "mysql+x://me@db/erp")
    assert url.password is None
    kept = password_file(settings, "me", "db")
    kept.parent.mkdir(parents=True)
    kept.write_text("from file\n")
    assert sql_source._url(settings, "mysql+x://me@db/erp").password == "from file"
    monkeypatch.setenv(PASSWORD, "from environment")
    assert sql_source._url(settings, "mysql+x://me@db/erp").password == "from environment"


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(runs=st.lists(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 2)), max_size=6)))
def test_any_runs_with_growing_watermarks_bring_every_row_once(tmp_path_factory, runs, monkeypatch):
    """Also with equal rows, ties across runs, and deliveries cut as often as possible."""
    monkeypatch.setattr(sql_source, "DELIVERY", 1)
    folder = tmp_path_factory.mktemp("any")
    settings = Settings.load(folder / "home")
    erp = Erp(f"sqlite:///{folder / 'erp.db'}")
    added, base = [], 0
    for run in runs:
        rows = sorted(((rma, "Receive", base + ahead) for rma, ahead in run), key=lambda r: r[2])
        erp.add(*rows)
        added += [(rma, step) for rma, step, _ in rows]
        base = max((row[2] for row in rows), default=base)
        pull(settings, erp)
    erp.engine.dispose()
    assert steps(settings) == sorted(added)

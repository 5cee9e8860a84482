"""Every file of ``mining/sql`` gives the same rows on DuckDB and on Spark, one by one.

The engines run side by side as one: whatever is created, defined or fetched runs on both and is
compared. A file that no step of the derivation runs is fetched over what the derivation left; a
relation it reads that bears the name of another file is made from that file first. So a new file is
compared without being named here.
"""

import math
import os
import re
import shutil
from decimal import Decimal
from importlib.resources import files
from string import Template

import pytest

pytest.importorskip("pyspark")
if shutil.which("java") is None:
    if os.environ.get("RETRACE_REQUIRE_SERVICES") == "1":
        raise RuntimeError("RETRACE_REQUIRE_SERVICES=1, but Java is not installed")
    pytest.skip("Java is not installed", allow_module_level=True)

from ingestion.schema import REFERENCE
from mining import load
from mining.debatching import spread_day_files
from mining.engine import DuckDBEngine, sql
from mining.log import _derive_here, calendars_of
from mining.spark import SparkEngine

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ALL = sorted(path.name.removesuffix(".sql") for path in (files("mining") / "sql").iterdir())
SOME_CASES = 150
NUMBERS = {
    "site": -1,
    "from_us": -(10**18),
    "to_us": 10**18,
    "from_month": 0,
    "to_month": 999_912,
    "known": 3,
    "months": (202605, 202606),
    "reach": 5,
}


def plain(value):
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return float(value) if isinstance(value, (int, float)) else value


def rows_of(table):
    columns = sorted(table.column_names)
    rows = [tuple(plain(row[name]) for name in columns) for row in table.to_pylist()]
    return columns, sorted(rows, key=lambda row: [_key(value) for value in row])


def _key(value):
    broken = isinstance(value, float) and not value.is_integer()  # whole numbers are exact
    return (str(type(value)), f"{value:.9g}" if broken else str(value))


def assert_same(name, ours, theirs):
    columns, left = rows_of(ours)
    names, right = rows_of(theirs)
    assert columns == names, name
    assert len(left) == len(right), f"{name}: {len(left)} rows on DuckDB, {len(right)} on Spark"
    for one, other in zip(left, right, strict=True):
        for column, a, b in zip(columns, one, other, strict=True):
            close = (
                math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(a) and math.isnan(b))
                if isinstance(a, float) and isinstance(b, float)
                else a == b
            )
            assert close, f"{name}.{column}: {a!r} on DuckDB, {b!r} on Spark"


class BothEngines:
    """Runs everything on DuckDB and Spark and compares; remembers the files it ran."""

    name = "both"

    def __init__(self, duckdb, spark):
        self.duckdb, self.spark = duckdb, spark
        self.ran = set()

    def fetch(self, query, **numbers):
        self.ran.add(query)
        return self._compared(query, sql(query, **numbers))

    def select(self, text):
        return self._compared(text, text)

    def _compared(self, name, text):
        ours = self.duckdb.select(text)
        assert_same(name, ours, self.spark.select(text))
        return ours

    def create(self, relation, query, **numbers):
        self.ran.add(query)
        self._both("create", relation, query, **numbers)

    def define(self, relation, query, **numbers):
        self.ran.add(query)
        self._both("define", relation, query, **numbers)

    def create_as(self, relation, select):
        self._both("create_as", relation, select)

    def define_as(self, relation, select):
        self._both("define_as", relation, select)

    def _both(self, how, relation, *given, **numbers):
        for engine in (self.duckdb, self.spark):
            getattr(engine, how)(relation, *given, **numbers)
        self._compared(relation, f"select * from {relation}")

    def register(self, relation, rows):
        self.duckdb.register(relation, rows)
        self.spark.register(relation, rows)

    def has(self, relation):
        known = self.duckdb.select("select table_name from information_schema.tables")
        return relation in known["table_name"].to_pylist()

    def drop(self, *relations):
        self.duckdb.drop(*relations)
        self.spark.drop(*relations)


@pytest.fixture(scope="module")
def both(small_home):
    """Some lines of a simulated home, derived by both engines from scratch."""
    source = load(small_home).engine
    engines = BothEngines(DuckDBEngine.blank(), SparkEngine.local())
    source.create("sum_parts", "sum_parts")
    source.create_as(
        "some_cases",
        f"(select case_id from cases order by variant, case_id limit {SOME_CASES}) "
        "union (select case_id from sum_parts) union (select case_id from log_events "
        "where event_key in (select event_key from sum_parts))",
    )
    source.drop("sum_parts")
    engines.register(
        "log_events",
        source.select("select * from log_events where case_id in (select case_id from some_cases)"),
    )
    engines.register("log_objects", source.select("select * from log_objects"))
    for table in (*REFERENCE, "item_costs", "deliveries"):
        engines.register(table, source.select(f"select * from {table}"))
    _derive_here(engines, calendars_of(source))
    spread_day_files(engines, calendars_of(source))
    for relation in ("transitions", "cases"):
        engines.define_as(f"stored_{relation}", f"select * from {relation}")
    engines.create_as("asked_cases", "select case_no from cases where case_no <= 20")
    engines.create_as(
        "case_numbers", "select case_id, case_no from cases where case_no between 5 and 30"
    )
    engines.create_as(
        "standard_order",
        "select one.activity_no, other.activity_no as later_no from activity_names as one "
        "join activity_names as other on one.activity_no < other.activity_no",
    )
    engines.create("profiled", "temporal_profile", **prepared(engines, "temporal_profile"))
    engines.create_as(
        "temporal_limits",
        "select source, target, mean_s, cast(3600 as double) as spread_s, "
        "cast(7200 as double) as allowed_s from profiled",
    )
    return engines


def test_the_derivation_is_the_same_step_by_step(both):
    assert {"ordered_events", "cases", "dated_cases", "business_transitions"} <= both.ran


@pytest.mark.parametrize("query", ALL)
def test_every_file_gives_the_same_rows(both, query):
    if query not in both.ran:
        both.fetch(query, **prepared(both, query))
    assert query in both.ran  # whatever ran was compared


def test_the_lines_hold_postings_that_are_shared_out(both):
    parts = both.fetch("sum_parts").to_pandas()
    assert parts.groupby("event_key")["share"].sum().round(9).eq(1.0).all()
    assert len(parts) >= 2


def prepared(both, query):
    """Make what a file reads; the numbers it asks for."""
    text = (files("mining") / "sql" / f"{query}.sql").read_text(encoding="utf-8")
    for relation in re.findall(r"\b(?:from|join)\s+(\w+)", text):
        if relation in ALL and not both.has(relation):
            both.create(relation, relation, **prepared(both, relation))
    return {name: NUMBERS[name] for name in Template(text).get_identifiers()}

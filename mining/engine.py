"""The seam between mining and whatever runs its SQL.

Every query is a file in ``mining/sql`` in the subset DuckDB and Spark both run unchanged: a SELECT
over views whose timestamps are int64 microseconds. Placeholders ``${name}`` take integers only, so
nothing that came from a log is ever part of a query's text.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template
from threading import RLock
from typing import Protocol

import duckdb
import pandas as pd
import pyarrow as pa

from ingestion.errors import RetraceError

Number = int | Sequence[int]


class UnknownEngine(RetraceError):
    """The engine asked for does not exist or is not installed."""


class Engine(Protocol):
    """What mining needs from a query engine: SELECTs over named relations."""

    name: str

    def fetch(self, query: str, **numbers: Number) -> pa.Table:
        """Run ``mining/sql/<query>.sql`` and return its rows."""

    def select(self, text: str) -> pa.Table:
        """Run a SELECT written by mining itself and return its rows."""

    def create(self, relation: str, query: str, **numbers: Number) -> None:
        """Keep the rows of a query under a name (replacing it)."""

    def create_as(self, relation: str, select: str) -> None:
        """Keep the rows of a SELECT written by mining itself."""

    def define(self, relation: str, query: str, **numbers: Number) -> None:
        """Name a query without running it."""

    def define_as(self, relation: str, select: str) -> None:
        """Name a SELECT written by mining itself without running it."""

    def register(self, relation: str, rows: pa.Table) -> None:
        """Make Arrow rows queryable under a name (replacing it)."""

    def drop(self, *relations: str) -> None:
        """Forget relations, present or not."""


@cache
def _template(query: str) -> Template:
    return Template((files("mining") / "sql" / f"{query}.sql").read_text(encoding="utf-8"))


def sql(query: str, **numbers: Number) -> str:
    """Text of a query file with its integers filled in.

    Raises
    ------
    TypeError
        A placeholder was given something that is not an integer.
    """
    return _template(query).substitute({name: _digits(value) for name, value in numbers.items()})


def _digits(value: Number) -> str:
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, str) or not all(isinstance(item, int) for item in value):
        raise TypeError(f"Only integers go into a query, not {value!r}.")
    return ", ".join(map(str, value)) or "null"


def fetch_frame(engine: Engine, query: str, **numbers: Number) -> pd.DataFrame:
    """Rows of a query file as a pandas frame."""
    rows: pd.DataFrame = engine.fetch(query, **numbers).to_pandas()
    return rows


class DuckDBEngine:
    """Runs mining's SQL on one in-memory DuckDB connection, one query at a time.

    Parameters
    ----------
    con : DuckDB connection
        In UTC; may already hold views of a lake.
    """

    name = "duckdb"

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self._lock = RLock()  # a DuckDB connection is not thread-safe (PITFALLS I5)
        self._kinds: dict[str, str] = {}
        con.execute("set TimeZone = 'UTC'")
        con.execute("set python_enable_replacements = false")
        con.execute(  # Spark's name for it
            "create or replace macro get_json_object(text, path) as json_extract_string(text, path)"
        )

    @classmethod
    def blank(cls) -> "DuckDBEngine":
        """An engine over nothing."""
        return cls(duckdb.connect())

    def fetch(self, query: str, **numbers: Number) -> pa.Table:
        return self.select(sql(query, **numbers))

    def select(self, text: str) -> pa.Table:
        with self._lock:
            return self.con.sql(text).to_arrow_table()

    def create(self, relation: str, query: str, **numbers: Number) -> None:
        self.create_as(relation, sql(query, **numbers))

    def create_as(self, relation: str, select: str) -> None:
        self._define("table", relation, select)

    def define(self, relation: str, query: str, **numbers: Number) -> None:
        self.define_as(relation, sql(query, **numbers))

    def define_as(self, relation: str, select: str) -> None:
        self._define("view", relation, select)

    def _define(self, kind: str, relation: str, select: str) -> None:
        with self._lock:
            if self._kinds.get(relation, kind) != kind:
                self.drop(relation)
            self.con.execute(f"create or replace {kind} {relation} as {select}")
            self._kinds[relation] = kind

    def register(self, relation: str, rows: pa.Table) -> None:
        with self._lock:
            self.con.register("arriving", rows)
            self.create_as(relation, "select * from arriving")
            self.con.unregister("arriving")

    def drop(self, *relations: str) -> None:
        with self._lock:
            for relation in relations:
                if relation in self._kinds:
                    self.con.execute(f"drop {self._kinds.pop(relation)} {relation}")

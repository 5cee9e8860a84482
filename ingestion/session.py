"""A writing session: deliveries gather in memory and are committed to the lake in groups.

Groups are numbered, and every commit of a group bears its number as a Delta transaction; its rows
in ``deliveries`` are committed last. A table whose number is ahead of theirs holds what a crash
left behind: it is invisible (its deliveries have no such row) and the next session removes it.
"""

from typing import Any

import duckdb
import pyarrow as pa

from ingestion.lake import Lake, literal, nothing
from ingestion.schema import TABLES

MEMORY = "3GB"
"""What a delivery may take of memory before DuckDB goes on in the home's ``tmp``."""
LARGE = 100_000
"""Rows after which a group is committed."""
GROUP = 500
"""Deliveries after which a group is committed."""

Row = dict[str, Any]


class Session:
    """Connection, pending rows and known ids of one writer. Hold ``lake.writing()`` around it."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        purge_unfinished(lake)
        self.open()

    def open(self) -> None:
        """Look at the lake as it stands, with nothing pending."""
        self.con: duckdb.DuckDBPyConnection = self.lake.connect()
        self.con.execute(f"set memory_limit = '{MEMORY}'")
        for table, schema in TABLES.items():
            self.con.execute(f"create temp table pending_{table} as {nothing(schema)}")
        self.con.execute("create temp table known(event_id varchar)")
        self.known_sources: dict[str, str] = {}
        self.closed: list[Row] = []
        self.rows = 0
        self.stale = False
        self.group = max(self.lake.group(table) for table in TABLES)
        self.readings = self._active_readings()
        [[self.arrival_no]] = self.con.execute(
            "select coalesce(max(arrival_no), 0) from deliveries"
        ).fetchall()

    def refresh(self) -> None:
        """Reopen if a large delivery went past the list of known ids."""
        if self.stale:
            self.open()

    def _active_readings(self) -> dict[tuple[str, str], Row]:
        rows = self.con.sql(
            "select d.* from deliveries d semi join active_deliveries using (delivery_id) "
            "where not d.repeat order by arrival_no"
        ).to_arrow_table()
        return {(row["source"], row["sha256"]): row for row in rows.to_pylist()}

    def know(self, source: str, superseded: str | None) -> str | None:
        """Query of the event ids a source already has, or None if it has none.

        A source's first delivery is compared with the lake as it lies there; only where a second
        one follows is it worth holding the ids.
        """
        stored = f"select event_id from events where source = {literal(source)}"
        if superseded:
            stored += f" and delivery_id <> {literal(superseded)}"
        if source not in self.known_sources:
            self.known_sources[source] = stored
            return stored if self._any(stored) else None
        if self.known_sources[source]:
            self.con.execute(f"insert into known {self.known_sources[source]}")
            self.known_sources[source] = ""
        if superseded:
            self.con.execute(
                "delete from known where event_id in "
                "(select event_id from stored_events where delivery_id = ?)",
                [superseded],
            )
        return "select event_id from known" if self._any("select event_id from known") else None

    def _any(self, query: str) -> bool:
        return bool(self.con.execute(f"{query} limit 1").fetchall())

    def add(self, table: str, query: str) -> None:
        """Add the rows of a query to what is pending for a table."""
        self.con.execute(f"insert into pending_{table} by name {query}")

    def close(self, delivery: Row) -> None:
        """Note a delivery as read to its end; it becomes visible with the next commit."""
        self.closed.append(delivery)
        if not delivery["repeat"]:
            self.readings[delivery["source"], delivery["sha256"]] = delivery
        self.rows += int(delivery["events"])

    @property
    def full(self) -> bool:
        return self.rows > LARGE or len(self.closed) >= GROUP

    def commit(self, direct: dict[str, str] | None = None) -> None:
        """Store everything pending, then the deliveries.

        Parameters
        ----------
        direct : dict of table -> query, optional
            Rows of a delivery too large to gather first.
        """
        if not self.closed:
            return
        self.group += 1
        for table in TABLES:
            if table != "deliveries":
                self._store(table, (direct or {}).get(table))
        deliveries = pa.Table.from_pylist(self.closed, schema=TABLES["deliveries"])
        self.lake.write("deliveries", deliveries, group=self.group)
        self.closed, self.rows = [], 0
        self.stale = self.stale or bool(direct)

    def _store(self, table: str, direct: str | None) -> None:
        for query in filter(None, [direct, self._pending(table)]):
            self.lake.write_query(self.con, table, query, TABLES[table], group=self.group)
        self.con.execute(f"delete from pending_{table}")

    def _pending(self, table: str) -> str | None:
        [[rows]] = self.con.execute(f"select count(*) from pending_{table}").fetchall()
        return f"select * from pending_{table}" if rows else None


def purge_unfinished(lake: Lake) -> None:
    """Remove what a crashed session stored of deliveries it never completed."""
    tables = lake.unfinished()
    if not tables:
        return
    con = lake.connect()
    for table in tables:
        left_over = con.execute(
            f"select distinct delivery_id from stored_{table} "
            "where delivery_id not in (select delivery_id from deliveries) order by 1"
        ).fetchall()
        if left_over:
            listed = ", ".join(literal(delivery_id) for (delivery_id,) in left_over)
            lake.delete(table, f"delivery_id in ({listed})")
    con.close()

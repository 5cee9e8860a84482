"""A writing session: deliveries gather in memory and are committed to the lake in groups.

Before a group's rows are stored, each of its deliveries gets a marker in ``home/unfinished``; after
its row in ``deliveries`` is committed, the marker goes. Whatever a crash leaves behind is invisible
(it has no such row) and the next session removes it.
"""

from collections.abc import Iterable
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.lake import Lake, literal, nothing
from ingestion.schema import TABLES

LARGE = 400_000
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
        for table, schema in TABLES.items():
            self.con.execute(f"create temp table pending_{table} as {nothing(schema)}")
        self.con.execute("create temp table known(event_id varchar)")
        self.known_sources: set[str] = set()
        self.closed: list[Row] = []
        self.rows = 0
        self.stale = False
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

    def know(self, source: str, superseded: str | None) -> bool:
        """Load the event ids a source already has; answer whether there are any."""
        if source not in self.known_sources:
            self.con.execute(
                "insert into known select event_id from events where source = ?", [source]
            )
            self.known_sources.add(source)
        if superseded:
            self.con.execute(
                "delete from known where event_id in "
                "(select event_id from stored_events where delivery_id = ?)",
                [superseded],
            )
        [[some]] = self.con.execute("select count(*) from known").fetchall()
        return bool(some)

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
        self.lake.unfinished.mkdir(parents=True, exist_ok=True)
        markers = [self.lake.unfinished / str(row["delivery_id"]) for row in self.closed]
        for marker in markers:
            marker.touch()
        for table in TABLES:
            if table != "deliveries":
                self._store(table, (direct or {}).get(table))
        deliveries = pa.Table.from_pylist(self.closed, schema=TABLES["deliveries"])
        self.lake.write("deliveries", deliveries)
        for marker in markers:
            marker.unlink(missing_ok=True)
        self.closed, self.rows = [], 0
        self.stale = self.stale or bool(direct)

    def _store(self, table: str, direct: str | None) -> None:
        for query in filter(None, [direct, self._pending(table)]):
            self.lake.write_query(self.con, table, query, TABLES[table])
        self.con.execute(f"delete from pending_{table}")

    def _pending(self, table: str) -> str | None:
        [[rows]] = self.con.execute(f"select count(*) from pending_{table}").fetchall()
        return f"select * from pending_{table}" if rows else None


def purge_unfinished(lake: Lake) -> None:
    """Remove what a crashed session stored of deliveries it never completed."""
    markers = list(lake.unfinished.glob("*"))
    if not markers:
        return
    con = lake.connect()
    complete = {row[0] for row in con.execute("select delivery_id from deliveries").fetchall()}
    con.close()
    left_over = sorted(marker.name for marker in markers if marker.name not in complete)
    for table in TABLES:
        if left_over and table != "deliveries":
            lake.delete(table, f"delivery_id in ({_listed(left_over)})")
    for marker in markers:
        marker.unlink(missing_ok=True)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(literal(value) for value in values)

"""The same SQL on Spark, for logs that outgrow one machine (extra ``spark``, Java 17).

Files of ``mining/sql`` run unchanged; only registering events differs: Spark reads the lake's
Parquet files itself. Imported only when ``engine="spark"`` is asked for.
"""

from collections.abc import Sequence
from functools import cache
from threading import RLock
from typing import Any

import pyarrow as pa

from ingestion.errors import RetraceError
from ingestion.lake import literal
from mining.engine import Number, UnknownEngine, sql

_EVENTS = """
select event_id, case_id, activity, source, site, actor, actor_type,
    unix_micros(occurred_at) as occurred_us,
    unix_micros(recorded_at) as recorded_us,
    coalesce(source_seq, 0) as source_seq,
    coalesce(cast(conv(substr(event_id, 1, 15), 16, 10) as bigint), 0) as event_key,
    sku, cast(quantity as double) as quantity, cast(amount as double) as amount, currency,
    reason, condition, disposition, financial_outcome, inventory_status, location, lot, serial,
    unix_date(posting_date) as posting_day,
    document_id, reversal_of, message_id, note, confidence, delivery_id, extras
from stored_events
where delivery_id in (select delivery_id from visible_deliveries)
"""


class SparkEngine:
    """Runs mining's SQL on a Spark session, one query at a time.

    Parameters
    ----------
    session : SparkSession
        In UTC.
    """

    name = "spark"

    def __init__(self, session: Any) -> None:
        self.session = session
        self._kept: dict[str, Any] = {}
        self._lock = RLock()

    @classmethod
    def local(cls) -> "SparkEngine":
        """An engine on this machine's cores.

        Raises
        ------
        UnknownEngine
            pyspark or Java is missing.
        """
        return cls(_session().newSession())

    def fetch(self, query: str, **numbers: Number) -> pa.Table:
        return self.select(sql(query, **numbers))

    def select(self, text: str) -> pa.Table:
        with self._lock:
            return self.session.sql(text).toArrow()

    def create(self, relation: str, query: str, **numbers: Number) -> None:
        self.create_as(relation, sql(query, **numbers))

    def create_as(self, relation: str, select: str) -> None:
        with self._lock:
            rows = self.session.sql(select).persist()
            rows.count()
            self.drop(relation)
            rows.createOrReplaceTempView(relation)
            self._kept[relation] = rows

    def define(self, relation: str, query: str, **numbers: Number) -> None:
        self.define_as(relation, sql(query, **numbers))

    def define_as(self, relation: str, select: str) -> None:
        with self._lock:
            self.session.sql(select).createOrReplaceTempView(relation)

    def register(self, relation: str, rows: pa.Table) -> None:
        with self._lock:
            self.drop(relation)
            self.session.createDataFrame(rows).createOrReplaceTempView(relation)

    def drop(self, *relations: str) -> None:
        with self._lock:
            for relation in relations:
                self.session.catalog.dropTempView(relation)
                kept = self._kept.pop(relation, None)
                if kept is not None:
                    kept.unpersist()

    def read_events(self, files: Sequence[str], deliveries: Sequence[str]) -> None:
        """Define ``log_events`` over the lake's event files: what visible deliveries brought."""
        reader = self.session.read.option("mergeSchema", "true")
        reader.parquet(*files).createOrReplaceTempView("stored_events")
        self.register("visible_deliveries", pa.table({"delivery_id": list(deliveries)}))
        self.define_as("log_events", _EVENTS)

    def only(self, *, source: str | None, as_of_us: int | None) -> None:
        """Narrow ``log_events`` to one source, to what was known at a moment, or both."""
        conditions = []
        if source is not None:
            conditions.append(f"source = {literal(source)}")
        if as_of_us is not None:
            conditions.append(f"coalesce(recorded_us, occurred_us) <= {int(as_of_us)}")
        if conditions:
            text = " and ".join(conditions)
            self.define_as("log_events", f"select * from log_events where {text}")


class SparkFailed(RetraceError):
    """Spark could not be started."""


@cache
def _session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UnknownEngine(
            "The engine spark needs pyspark and Java 17: pip install 'retrace-returns[spark]'."
        ) from error
    try:
        return (
            SparkSession.builder.master("local[*]")
            .appName("retrace")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.execution.arrow.pyspark.enabled", "true")
            .config("spark.sql.shuffle.partitions", "8")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .getOrCreate()
        )
    except Exception as error:
        raise SparkFailed(f"Spark did not start: {error}. Is Java 17 installed?") from error

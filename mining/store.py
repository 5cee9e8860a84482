"""Keep what was derived in the lake, and bring it up to date by rewriting only touched months.

A month whose stored cases are all untouched is added to; one in which a case went on (or from
which an earlier late event moved it) is rewritten.

Four Delta tables (``transitions``, ``cases``, ``activity_names``, ``site_names``) are written
first; ``derivation`` is written last and names their versions and the deliveries they hold.
Readers open exactly those versions, so a reader never sees half a refresh and a crash in the
middle leaves the former state, which the next refresh replaces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlparse

import pyarrow as pa
from deltalake import DeltaTable

from ingestion.lake import Lake, literal
from mining.answers import Answers
from mining.calendars import Calendar
from mining.engine import DuckDBEngine
from mining.events import latest_known, process_events
from mining.partitions import fragmented_months, replace_months
from mining.transitions import (
    ACTIVITY_NAMES,
    CASES,
    SITE_NAMES,
    TRANSITIONS,
    clean_up,
    derive,
    forget_known,
    number_cases,
)

FORMAT = 1
"""Raised when the meaning of a derived column changes; older derivations are rebuilt."""

SWEEP_EVERY = 10
KEEP_HOURS = 24

DERIVED = {
    "transitions": TRANSITIONS,
    "cases": CASES,
    "activity_names": ACTIVITY_NAMES,
    "site_names": SITE_NAMES,
}
_MONTHLY = {"transitions": "derived_transitions", "cases": "dated_cases"}
DERIVATION = pa.schema(
    [
        pa.field("format", pa.int64()),
        pa.field("events_version", pa.int64()),
        pa.field("deliveries_version", pa.int64()),
        pa.field("sites_version", pa.int64()),
        pa.field("as_of_us", pa.int64()),
        pa.field("cases", pa.int64()),
        pa.field("versions", pa.list_(pa.int64())),
        pa.field("deliveries", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, slots=True)
class Derivation:
    """What the stored derived tables were made from.

    Parameters
    ----------
    events_version, deliveries_version, sites_version : int
        Delta versions of the facts (-1 while a table does not exist).
    as_of_us : int
        Latest moment known, microseconds.
    cases : int
        Cases, which is also the highest case number.
    versions : tuple of int
        Delta versions of the derived tables, in the order of ``DERIVED``.
    deliveries : frozenset of str
        Deliveries whose events they hold.
    """

    format: int
    events_version: int
    deliveries_version: int
    sites_version: int
    as_of_us: int
    cases: int
    versions: tuple[int, ...]
    deliveries: frozenset[str]


class DerivedStore:
    """The derived tables of one lake."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def read(self) -> Derivation | None:
        """The last completed derivation, or None."""
        path = str(self.lake.path("derivation"))
        if not DeltaTable.is_deltatable(path):
            return None
        rows = DeltaTable(path).to_pyarrow_table().to_pylist()
        if not rows:
            return None
        [row] = rows
        row["versions"] = tuple(row["versions"])
        row["deliveries"] = frozenset(row["deliveries"])
        return Derivation(**row)

    def answers(self, found: Derivation) -> Answers:
        """Where answers computed from a derivation are kept."""
        facts = (found.format, found.versions, found.as_of_us, found.cases)
        derivation = repr((facts, sorted(found.deliveries)))
        return Answers(self.lake.path("answers"), derivation, found.deliveries_version)

    def forget(self) -> None:
        """Have the next refresh derive everything again; the caller holds the writing lock."""
        if self.read() is not None:
            self.lake.write("derivation", DERIVATION.empty_table(), mode="overwrite")

    def attach(self, engine: DuckDBEngine, found: Derivation, *, prefix: str = "") -> None:
        """Name the tables of a derivation in an engine, at exactly its versions."""
        for (table, schema), version in zip(DERIVED.items(), found.versions, strict=True):
            engine.define_as(prefix + table, self._select(table, schema, version))

    def _select(self, table: str, schema: pa.Schema, version: int) -> str:
        uris = DeltaTable(str(self.lake.path(table)), version=version).file_uris()
        columns = ", ".join(
            f"cast({field.name} as {_SQL[field.type]}) as {field.name}"
            if field.name == "month"
            else field.name
            for field in schema
        )
        if not uris:
            nothing = ", ".join(f"cast(null as {_SQL[f.type]}) as {f.name}" for f in schema)
            return f"select {nothing} where false"
        files = ", ".join(literal(_plain(uri)) for uri in uris)
        hive = "true" if "month" in schema.names else "false"
        return f"select {columns} from read_parquet([{files}], hive_partitioning={hive})"

    def refresh(self, engine: DuckDBEngine, calendars: Sequence[Calendar] = ()) -> Derivation:
        """Bring the derived tables up to date with ``log_events`` of the engine's lake.

        The caller holds the lake's writing lock and opened the engine inside it.
        """
        found = self.read()
        now = self.state(engine)
        if found is not None and self._intact(found) and self._follows(found, now):
            new = now.deliveries - found.deliveries
            if not new:
                return self._record(now, found.as_of_us, found.cases, found.versions)
            return self._extend(engine, found, now, new, calendars)
        return self._rebuild(engine, now, calendars)

    def state(self, engine: DuckDBEngine) -> Derivation:
        """The facts as they are now (nothing derived yet)."""
        visible = engine.select(
            "select delivery_id from active_deliveries where \"table\" = 'events' and events > 0"
        )
        version = {name: self.lake.version(name) for name in ("events", "deliveries", "sites")}
        known = {name: -1 if found is None else found for name, found in version.items()}
        return Derivation(
            format=FORMAT,
            events_version=known["events"],
            deliveries_version=known["deliveries"],
            sites_version=known["sites"],
            as_of_us=0,
            cases=0,
            versions=(),
            deliveries=frozenset(visible["delivery_id"].to_pylist()),
        )

    def is_current(self, found: Derivation | None) -> bool:
        """Whether a derivation needs no refresh, judged by versions alone."""
        return found is not None and (
            found.format,
            found.events_version,
            found.deliveries_version,
            found.sites_version,
        ) == (
            FORMAT,
            *(
                -1 if version is None else version
                for version in map(self.lake.version, ("events", "deliveries", "sites"))
            ),
        )

    def _intact(self, found: Derivation) -> bool:
        """Whether nobody began a refresh after this derivation without completing it."""
        return tuple(map(self.lake.version, DERIVED)) == found.versions

    def _follows(self, found: Derivation, now: Derivation) -> bool:
        return (
            found.format == FORMAT
            and found.sites_version == now.sites_version
            and found.deliveries <= now.deliveries
        )

    def _rebuild(
        self, engine: DuckDBEngine, now: Derivation, calendars: Sequence[Calendar]
    ) -> Derivation:
        forget_known(engine)
        engine.define_as("new_events", process_events())
        number_cases(engine)
        derive(engine, calendars=calendars)
        for table, derived in _MONTHLY.items():
            replace_months(
                self.lake,
                engine,
                table,
                select=f"select * from {derived}",
                schema=DERIVED[table],
            )
        return self._finish(engine, now, latest_known(engine) or 0)

    def _extend(
        self,
        engine: DuckDBEngine,
        found: Derivation,
        now: Derivation,
        new: frozenset[str],
        calendars: Sequence[Calendar],
    ) -> Derivation:
        self.attach(engine, found, prefix="stored_")
        arrived = ", ".join(literal(delivery) for delivery in sorted(new))
        engine.define_as("arrived", f"select * from log_events where delivery_id in ({arrived})")
        engine.create_as("new_events", process_events("arrived"))
        engine.define_as("known_cases", "select case_id, case_no from stored_cases")
        engine.define_as("known_activities", "select * from stored_activity_names")
        engine.define_as("known_sites", "select * from stored_site_names")
        number_cases(engine, known=found.cases)
        held = _months(engine, "stored_cases", "case_no in (select case_no from case_numbers)")
        derive(engine, months=held, calendars=calendars)
        fresh = set(_months(engine, "dated_cases", "true"))
        for table, derived in _MONTHLY.items() if fresh else ():
            crowded = fresh & fragmented_months(self.lake, table)
            self._merge(engine, table, derived, tuple(sorted({*held, *crowded})))
        latest = max(found.as_of_us, latest_known(engine, "arrived") or 0)
        done = self._finish(engine, now, latest)
        engine.drop("arrived", *(f"stored_{table}" for table in DERIVED))
        return done

    def _merge(
        self, engine: DuckDBEngine, table: str, derived: str, months: tuple[int, ...]
    ) -> None:
        """Add the derived rows; of ``months`` keep only the rows of untouched cases."""
        engine.create("kept", f"kept_{table}", months=months)
        columns = ", ".join(DERIVED[table].names)
        replace_months(
            self.lake,
            engine,
            table,
            select=f"select {columns} from (select {columns} from kept union all "
            f"select {columns} from {derived})",
            schema=DERIVED[table],
            months=months,
        )
        engine.drop("kept")

    def _finish(self, engine: DuckDBEngine, now: Derivation, as_of_us: int) -> Derivation:
        for names in ("activity_names", "site_names"):
            self.lake.write(names, engine.select(f"select * from {names}"), mode="overwrite")
        versions = tuple(self.lake.version(table) or 0 for table in DERIVED)
        clean_up(engine)
        if versions[0] % SWEEP_EVERY == 0:
            self._sweep()
        cases = DeltaTable(str(self.lake.path("cases"))).count()
        return self._record(now, as_of_us, cases, versions)

    def _sweep(self) -> None:
        """Delete files that were replaced long enough ago for every reader to have let go."""
        for table in (*DERIVED, "derivation"):
            path = str(self.lake.path(table))
            if DeltaTable.is_deltatable(path):
                DeltaTable(path).vacuum(
                    retention_hours=KEEP_HOURS, dry_run=False, enforce_retention_duration=False
                )

    def _record(
        self, now: Derivation, as_of_us: int, cases: int, versions: tuple[int, ...]
    ) -> Derivation:
        done = Derivation(
            format=FORMAT,
            events_version=now.events_version,
            deliveries_version=now.deliveries_version,
            sites_version=now.sites_version,
            as_of_us=as_of_us,
            cases=cases,
            versions=versions,
            deliveries=now.deliveries,
        )
        row = {
            "format": done.format,
            "events_version": done.events_version,
            "deliveries_version": done.deliveries_version,
            "sites_version": done.sites_version,
            "as_of_us": done.as_of_us,
            "cases": done.cases,
            "versions": list(done.versions),
            "deliveries": sorted(done.deliveries),
        }
        self.lake.write("derivation", pa.Table.from_pylist([row], DERIVATION), mode="overwrite")
        return done


_SQL = {
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.string(): "varchar",
}


def event_files(lake: Lake) -> list[str]:
    """Paths of the Parquet files that hold the events."""
    return [_plain(uri) for uri in DeltaTable(str(lake.path("events"))).file_uris()]


def _plain(uri: str) -> str:
    return unquote(urlparse(uri).path) if uri.startswith("file:") else unquote(uri)


def _months(engine: DuckDBEngine, relation: str, condition: str) -> tuple[int, ...]:
    rows = engine.select(f"select distinct month from {relation} where {condition} order by month")
    return tuple(rows["month"].to_pylist())

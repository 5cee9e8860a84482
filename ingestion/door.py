"""The one door: a staged file becomes a delivery whose records all meet a fate.

received = accepted + duplicate + quarantined, always. A delivery is known by the SHA-256 of its
bytes and the digest of the mapping it is read with. Mappings in use are kept in the home, so that
quarantined records can be read again later.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from ingestion.errors import OutOfMemory, RetraceError, UnreadableFile, is_disk_full
from ingestion.fates import (
    WHY,
    count_records,
    events_query,
    objects_query,
    quarantined_query,
    sort_records,
    totals,
)
from ingestion.interpretation import RECORD, Interpretation, interpret, number_records
from ingestion.keys import secret
from ingestion.lake import Lake, literal, quoted
from ingestion.mapping import Mapping
from ingestion.privacy import mask_notes
from ingestion.readers import Raw, read_raw
from ingestion.session import LARGE, Row, Session
from ingestion.settings import Settings
from ingestion.staging import Refused, Staged, staged

MAX_RAW = 16 << 20
UNRECOGNISED = "unrecognised"

Resolve = Callable[[Staged, Raw], Mapping]

log = logging.getLogger("retrace.intake")


class Door:
    """Takes deliveries one by one into a writing session."""

    def __init__(self, settings: Settings, lake: Lake, now: Callable[[], datetime]) -> None:
        self.session = Session(lake)
        self.now = now
        self.scratch = settings.tmp_dir
        self.pseudonym_key = (
            secret(settings.secrets_dir, "pseudonym.key") if settings.pseudonymise else None
        )
        self.mappings = settings.home / "mappings"
        self.taken: list[Row] = []
        self.attempt = 1

    def take_file(
        self,
        path: Path,
        resolve: Resolve,
        *,
        asked: Mapping | None = None,
        source: str | None = None,
        explicit: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Read one file; what cannot be read raises if named, else is quarantined whole."""
        self.session.refresh()
        try:
            with _duckdb_errors_named(path), staged(path, self.scratch, progress) as delivery:
                raw = read_raw(self.session.con, delivery, asked)
                self.take(delivery, raw, resolve(delivery, raw))
        except OutOfMemory:
            raise
        except RetraceError as error:
            if explicit:
                self.session.commit()
                raise
            log.warning("%s", error)
            self.attempt = 1
            self._quarantine_file(path, source or UNRECOGNISED, str(error))

    def take(
        self,
        delivery: Staged,
        raw: Raw,
        mapping: Mapping,
        *,
        replayed: list[Row] | None = None,
        replay_of: str | None = None,
    ) -> None:
        """Take one delivery whose relation ``raw`` is ready.

        Parameters
        ----------
        replayed : rows of ``quarantine``, optional
            Refused records this delivery gives another try; they leave the quarantine.
        replay_of : str, optional
            The delivery that brought those records.
        """
        before = self.session.readings.get((mapping.source, delivery.sha256))
        arrival = self._arrival(delivery.path, delivery.sha256, mapping.source, mapping)
        if before and before["mapping_digest"] == mapping.digest:
            self._repeat(arrival, before)
            return
        self.attempt = 1 + max((row["attempts"] for row in replayed or []), default=0)
        left = [*(replayed or []), *self._unrecognised(delivery.sha256)]
        arrival |= {"replays": [row["quarantine_id"] for row in left], "replay_of": replay_of}
        self._keep(mapping)
        if mapping.generic and not before:
            self._warn_of_second_log(delivery, mapping.source)
        con = self.session.con
        reading = interpret(mapping, raw.columns, pseudonym_key=self.pseudonym_key)
        if reading.several:
            number_records(con, raw.columns)
        con.execute(f"create or replace temp table mapped as {reading.mapped}")
        if "note" in reading.columns:
            mask_notes(con)
        self._note_refused([*delivery.refused, *raw.refused()], reading)
        superseded = before["delivery_id"] if before else None
        if mapping.table == "events":
            self._take_events(arrival, reading, superseded, left)
        else:
            self._take_reference(arrival, mapping.table, reading, left)

    def _unrecognised(self, sha256: str) -> list[Row]:
        """The quarantined file of the same bytes that no mapping fitted at the time, if any."""
        if (UNRECOGNISED, sha256) not in self.session.readings:
            return []
        delivery_id = self.session.readings[UNRECOGNISED, sha256]["delivery_id"]
        rows = self.session.con.sql(
            "select * from quarantine where delivery_id = " + literal(delivery_id)
        ).to_arrow_table()
        return list(rows.to_pylist())

    def _keep(self, mapping: Mapping) -> None:
        self.mappings.mkdir(parents=True, exist_ok=True)
        kept = self.mappings / f"{mapping.digest}.json"
        if not kept.exists():
            kept.write_text(json.dumps(asdict(mapping)), encoding="utf-8")

    def _take_events(
        self, arrival: Row, reading: Interpretation, superseded: str | None, left: list[Row]
    ) -> None:
        session = self.session
        known = session.know(arrival["source"], superseded)
        sort_records(session.con, reading, known)
        counts = _without(count_records(session.con, reading), left)
        activities = session.con.execute(
            f"select {reading.raw_activity}, count(*) from fated where fate = 'accepted' group by 1"
        ).fetchall()
        events = sum(count for _, count in activities)
        unmapped = sum(name not in reading.known_activities for name, _ in activities)
        self._add_quarantined(arrival, quarantined_query(reading))
        queries = self._queries(arrival, reading)
        self._close(arrival | {"events": events, "unmapped_activities": unmapped}, counts)
        if events > LARGE:
            session.commit(queries)
            return
        for table, query in queries.items():
            session.add(table, query)
        session.con.execute(
            "insert into known select event_id_given from fated where fate = 'accepted'"
        )
        if session.full:
            session.commit()

    def _queries(self, arrival: Row, reading: Interpretation) -> dict[str, str]:
        delivery_id = literal(arrival["delivery_id"])
        given = {
            "delivery_id": delivery_id,
            "source": literal(arrival["source"]),
            "ingested_at": f"{literal(arrival['arrived_at'].isoformat())}::timestamptz",
        }
        if "confidence" not in reading.columns:
            given["confidence"] = "'exact'"
        queries = {"events": events_query(reading, given)}
        objects = objects_query(reading, delivery_id)
        return queries | ({"event_objects": objects} if objects else {})

    def _take_reference(
        self, arrival: Row, table: str, reading: Interpretation, left: list[Row]
    ) -> None:
        """Store reference rows; a row that says what is already known is a duplicate."""
        con = self.session.con
        content = [name for name in reading.columns if name != "valid_from"]
        key = (
            "md5(concat_ws(chr(31), "
            + ", ".join(f"coalesce({quoted(name)}::varchar, chr(30))" for name in content)
            + "))"
        )
        con.execute(
            f"create or replace temp table stated as select {key} as key from {table} "
            f"union select {key} from pending_{table}"
        )
        con.execute(
            f"create or replace temp view fated as select rowid as record, 0 as part, *, "
            f"case when problem is not null then 'quarantined' "
            f"when {key} in (select key from stated) or row_number() over "
            f"(partition by {key}, problem is null order by rowid) > 1 then 'duplicate' "
            f"else 'accepted' end as fate from mapped"
        )
        counts = _without(count_records(con, reading), left)
        self._add_quarantined(arrival, quarantined_query(reading))
        valid_from = f"{literal(arrival['arrived_at'].isoformat())}::timestamptz"
        if "valid_from" in reading.columns:
            valid_from = f"coalesce(valid_from, {valid_from})"
        columns = ", ".join(quoted(name) for name in content)
        self.session.add(
            table,
            f"select {columns}, {valid_from} as valid_from, "
            f"{literal(arrival['delivery_id'])} as delivery_id from fated where fate = 'accepted'",
        )
        self._close(arrival, counts)
        if self.session.full:
            self.session.commit()

    def _repeat(self, arrival: Row, before: Row) -> None:
        """A file already read with the same mapping: every record of it is a duplicate."""
        counts = [
            entry | {"accepted": 0, "quarantined": 0, "duplicate": entry["received"]}
            for entry in before["counts"]
        ]
        self._close(arrival | {"repeat": True}, counts)

    def _quarantine_file(self, path: Path, source: str, why: str) -> None:
        readable = path.is_file() and path.stat().st_size <= MAX_RAW
        content = path.read_bytes() if readable else b""
        sha256 = hashlib.sha256(content or str(path).encode()).hexdigest()
        arrival = self._arrival(path, sha256, source, None)
        before = self.session.readings.get((arrival["source"], sha256))
        if before:
            self._repeat(arrival, before)
            return
        self._note_refused([Refused("file", "unreadable_file", why, content)], None)
        self._add_quarantined(
            arrival, "select null as site, null as day, reason, detail, pointer, raw from refused"
        )
        one = {"received": 1, "accepted": 0, "duplicate": 0, "quarantined": 1}
        self._close(arrival, [{"site": None, "day": None, **one}])

    def _note_refused(self, refused: list[Refused], reading: Interpretation | None) -> None:
        rows = [asdict(record) for record in refused]
        schema = pa.schema(
            [
                ("pointer", pa.string()),
                ("reason", pa.string()),
                ("detail", pa.string()),
                ("raw", pa.binary()),
            ]
        )
        con = self.session.con
        con.register("refused_rows", pa.Table.from_pylist(rows, schema=schema))
        con.execute("create or replace temp table refused as from refused_rows")
        if reading and reading.several:
            con.execute(
                f"insert into refused select 'record ' || ({RECORD} + 1), 'no_event', "
                f"{literal(WHY['no_event'])}, encode({reading.raw_record}) from raw_records "
                f"where {RECORD} not in (select rec from mapped)"
            )

    def _add_quarantined(self, arrival: Row, query: str) -> None:
        delivery_id = literal(arrival["delivery_id"])
        self.session.add(
            "quarantine",
            f"select md5({delivery_id} || pointer) as quarantine_id, "
            f"{delivery_id} as delivery_id, {literal(arrival['source'])} as source, site, day, "
            f"reason, detail, pointer, raw, {self.attempt} as attempts, "
            f"{literal(arrival['arrived_at'].isoformat())}::timestamptz as quarantined_at "
            f"from ({query})",
        )

    def _arrival(self, path: Path, sha256: str, source: str, mapping: Mapping | None) -> Row:
        """The row of ``deliveries`` for one arrival, its counts still open."""
        digest = mapping.digest if mapping else ""
        before = self.session.readings.get((source, sha256))
        if before and before["mapping_digest"] == digest:
            delivery_id = before["delivery_id"]
        else:  # read for the first time, or in another way than before
            delivery_id = _digest(source, sha256, digest, before["delivery_id"] if before else "")
        self.session.arrival_no += 1
        return {
            "arrival_id": _digest(delivery_id, str(self.session.arrival_no)),
            "delivery_id": delivery_id,
            "source": source,
            "name": path.name,
            "sha256": sha256,
            "mapping": mapping.name if mapping else None,
            "mapping_digest": digest,
            "arrival_no": self.session.arrival_no,
            "arrived_at": self.now(),
            "table": mapping.table if mapping else "events",
            "repeat": False,
            "replays": [],
            "replay_of": None,
            "events": 0,
            "unmapped_activities": 0,
        }

    def _close(self, arrival: Row, counts: list[Row]) -> None:
        closed = arrival | totals(counts) | {"counts": counts}
        self.session.close(closed)
        self.taken.append(closed)

    def _warn_of_second_log(self, delivery: Staged, source: str) -> None:
        names = {
            row["name"] for (other, _), row in self.session.readings.items() if other == source
        }
        others = {name for name in names if _series(name) != _series(delivery.path.name)}
        if others:
            log.warning(
                "This home already holds a log (%s) under the source %r; %s will be mined together "
                "with it. Use --source NAME or another --home to keep them apart.",
                sorted(others)[0],
                source,
                delivery.path.name,
            )


@contextmanager
def _duckdb_errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(path) from error
    except duckdb.Error as error:
        if is_disk_full(error):
            raise
        why = str(error).split("\n", 1)[0]
        raise UnreadableFile(path, f"it cannot be read ({why})") from error


def _series(name: str) -> str:
    """What numbered parts of one log, or the pulls of one query, have in common."""
    return re.sub(r"[-_.]?\d+(?=\.)", "", name)


def _without(counts: list[Row], left: list[Row]) -> list[Row]:
    """Counts of a delivery less the records that leave the quarantine with it.

    A replayed record was received once: it moves from quarantined to its new fate.
    """
    less = [
        {
            "site": row["site"],
            "day": row["day"],
            "received": -1,
            "accepted": 0,
            "duplicate": 0,
            "quarantined": -1,
        }
        for row in left
    ]
    return counts + less


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]

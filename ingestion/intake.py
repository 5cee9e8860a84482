"""The one door into the lake: every file becomes a delivery whose records are all accounted for.

received = accepted + duplicate + quarantined, always. A delivery is known by the SHA-256 of its
bytes and the digest of the mapping it is read with; its row in ``deliveries`` is written last, so a
crash at any moment leaves either the whole delivery or nothing a reader can see.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.errors import RetraceError, UnknownMapping, UnreadableFile
from ingestion.fates import (
    WHY,
    count_records,
    events_query,
    objects_query,
    quarantined_query,
    sort_records,
    totals,
)
from ingestion.interpretation import Interpretation, interpret
from ingestion.keys import secret
from ingestion.lake import Lake, literal, quoted
from ingestion.mapping import Mapping, generic_mapping, in_zone, load_mapping, recognise
from ingestion.readers import Raw, read_raw
from ingestion.session import LARGE, Session
from ingestion.settings import Settings
from ingestion.staging import Refused, Staged, staged

MAX_RAW = 16 << 20
UNRECOGNISED = "unrecognised"

log = logging.getLogger("retrace.intake")


@dataclass(frozen=True, slots=True)
class Counts:
    """What one call of the intake took in; records unless said otherwise."""

    deliveries: int = 0
    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    unmapped_activities: int = 0

    def to_dict(self) -> dict[str, int]:
        return asdict(self)

    def plus(self, **more: int) -> "Counts":
        return replace(self, **{name: getattr(self, name) + n for name, n in more.items()})


@dataclass(frozen=True, slots=True)
class Choice:
    """How the caller wants files to be read; everything empty means: recognise from content."""

    mapping: Mapping | None = None
    source: str | None = None
    timezone: str | None = None

    def resolve(self, delivery: Staged, raw: Raw) -> Mapping:
        """Mapping for one file.

        Raises
        ------
        UnknownMapping
            No mapping was asked for and none of the shipped ones fits.
        """
        mapping = self.mapping or recognise(raw.format, raw.columns)
        if mapping is None:
            shown = ", ".join(raw.columns[:12]) + (" ..." if len(raw.columns) > 12 else "")
            raise UnknownMapping(
                f"{delivery.path}: no known mapping fits its columns ({shown}). Name them with "
                "--case, --activity and --time, or give --mapping FILE."
            )
        if self.timezone:
            mapping = in_zone(mapping, self.timezone)
        return replace(mapping, source=self.source) if self.source else mapping


class Progress:
    """What a progress bar listens to; this one is silent."""

    def begin(self, total_bytes: int) -> None: ...
    def file(self, name: str) -> None: ...
    def advance(self, n_bytes: int) -> None: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


def ingest(
    settings: Settings,
    paths: Iterable[Path | str],
    *,
    mapping: str | None = None,
    source: str | None = None,
    case: str | None = None,
    activity: str | None = None,
    time: str | None = None,
    timezone: str | None = None,
    progress: Progress | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Counts:
    """Load files, or folders of files, into the lake of a home.

    Parameters
    ----------
    paths : files and folders
        Folders are walked in sorted order; a file in a folder that cannot be read is quarantined
        whole, one named here raises.
    mapping : str, optional
        Name of a shipped mapping or path of a YAML file; otherwise recognised from content.
    case, activity, time : str, optional
        Column names of any event log; all three or none.
    timezone : str, optional
        Zone of times without offset (default: the mapping's, UTC).

    Returns
    -------
    Counts

    Raises
    ------
    RetraceError
        One clear sentence about what to do.
    """
    choice = Choice(_chosen(mapping, case, activity, time), source, timezone)
    files = list(_files(paths))
    progress = progress or Progress()
    progress.begin(sum(path.stat().st_size for path, _ in files if path.exists()))
    lake = Lake(settings.home)
    with lake.writing():
        intake = Intake(settings, lake, now)
        for path, explicit in files:
            progress.file(path.name)
            intake.take_file(path, choice, explicit=explicit, progress=progress.advance)
        intake.session.commit()
    return intake.total


def _chosen(
    mapping: str | None, case: str | None, activity: str | None, time: str | None
) -> Mapping | None:
    columns = [case, activity, time]
    if mapping and any(columns):
        raise RetraceError("Give either --mapping or --case, --activity and --time, not both.")
    if mapping:
        return load_mapping(mapping)
    if case and activity and time:
        return generic_mapping(case, activity, time)
    if any(columns):
        raise RetraceError("--case, --activity and --time belong together: give all three.")
    return None


def _files(paths: Iterable[Path | str]) -> Iterator[tuple[Path, bool]]:
    for path in map(Path, paths):
        if not path.exists():
            raise UnreadableFile(path, "there is no such file or folder")
        if not path.is_dir():
            yield path, True
            continue
        for file in sorted(path.rglob("*")):
            if file.is_file() and not any(part.startswith(".") for part in file.parts):
                yield file, False


class Intake:
    """Reads deliveries one by one into a writing session."""

    def __init__(self, settings: Settings, lake: Lake, now: Callable[[], datetime]) -> None:
        self.session = Session(lake)
        self.now = now
        self.scratch = settings.tmp_dir
        self.pseudonym_key = (
            secret(settings.secrets_dir, "pseudonym.key") if settings.pseudonymise else None
        )
        self.total = Counts()

    def take_file(
        self,
        path: Path,
        choice: Choice,
        *,
        explicit: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Read one file; what cannot be read raises if named, else is quarantined whole."""
        self.session.refresh()
        try:
            with _duckdb_errors_named(path), staged(path, self.scratch, progress) as delivery:
                raw = read_raw(self.session.con, delivery)
                self._take(delivery, raw, choice.resolve(delivery, raw))
        except RetraceError as error:
            if explicit:
                self.session.commit()
                raise
            log.warning("%s", error)
            self._quarantine_file(path, choice, str(error))

    def _take(self, delivery: Staged, raw: Raw, mapping: Mapping) -> None:
        before = self.session.readings.get((mapping.source, delivery.sha256))
        arrival = self._arrival(delivery.path, delivery.sha256, mapping.source, mapping)
        if before and before["mapping_digest"] == mapping.digest:
            self._repeat(arrival, before)
            return
        if mapping.generic and not before:
            self._warn_of_second_log(delivery, mapping.source)
        con = self.session.con
        reading = interpret(mapping, raw.columns, pseudonym_key=self.pseudonym_key)
        if reading.several:
            con.execute("create or replace temp table raw_rows as from raw")
            con.execute(
                "create or replace temp view raw_records as select rowid as rec, * from raw_rows"
            )
        con.execute(f"create or replace temp table mapped as {reading.mapped}")
        self._note_refused([*delivery.refused, *raw.refused()], reading)
        superseded = before["delivery_id"] if before else None
        if mapping.table == "events":
            self._take_events(arrival, reading, superseded)
        else:
            self._take_reference(arrival, mapping.table, reading)

    def _take_events(
        self, arrival: dict[str, Any], reading: Interpretation, superseded: str | None
    ) -> None:
        session = self.session
        some_known = session.know(arrival["source"], superseded)
        sort_records(session.con, reading, some_known=some_known)
        counts = count_records(session.con, reading)
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

    def _queries(self, arrival: dict[str, Any], reading: Interpretation) -> dict[str, str]:
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

    def _take_reference(self, arrival: dict[str, Any], table: str, reading: Interpretation) -> None:
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
        counts = count_records(con, reading)
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

    def _repeat(self, arrival: dict[str, Any], before: dict[str, Any]) -> None:
        """A file already read with the same mapping: every record of it is a duplicate."""
        counts = [
            entry | {"accepted": 0, "quarantined": 0, "duplicate": entry["received"]}
            for entry in before["counts"]
        ]
        self._close(arrival | {"repeat": True}, counts)

    def _quarantine_file(self, path: Path, choice: Choice, why: str) -> None:
        content = path.read_bytes() if path.stat().st_size <= MAX_RAW else b""
        sha256 = hashlib.sha256(content or str(path).encode()).hexdigest()
        arrival = self._arrival(path, sha256, choice.source or UNRECOGNISED, None)
        before = self.session.readings.get((arrival["source"], sha256))
        if before:
            self._repeat(arrival, before)
            return
        self._note_refused([Refused("file", "unreadable_file", why, content)], None)
        self._add_quarantined(
            arrival, "select null as site, reason, detail, pointer, raw from refused"
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
                "insert into refused select 'record ' || (rec + 1), 'no_event', "
                f"{literal(WHY['no_event'])}, encode(to_json(r)::varchar) from raw_records r "
                "where rec not in (select rec from mapped)"
            )

    def _add_quarantined(self, arrival: dict[str, Any], query: str) -> None:
        delivery_id = literal(arrival["delivery_id"])
        self.session.add(
            "quarantine",
            f"select md5({delivery_id} || pointer) as quarantine_id, "
            f"{delivery_id} as delivery_id, {literal(arrival['source'])} as source, site, reason, "
            "detail, pointer, raw, 1 as attempts, "
            f"{literal(arrival['arrived_at'].isoformat())}::timestamptz as quarantined_at "
            f"from ({query})",
        )

    def _arrival(
        self, path: Path, sha256: str, source: str, mapping: Mapping | None
    ) -> dict[str, Any]:
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
            "events": 0,
            "unmapped_activities": 0,
        }

    def _close(self, arrival: dict[str, Any], counts: list[dict[str, Any]]) -> None:
        summed = totals(counts)
        self.session.close(arrival | summed | {"counts": counts})
        self.total = self.total.plus(
            deliveries=1, unmapped_activities=arrival["unmapped_activities"], **summed
        )

    def _warn_of_second_log(self, delivery: Staged, source: str) -> None:
        others = {
            row["name"] for (other, _), row in self.session.readings.items() if other == source
        }
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
    except duckdb.Error as error:
        why = str(error).split("\n", 1)[0]
        raise UnreadableFile(path, f"it cannot be read ({why})") from error


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]

"""XES: traces and events as they stand, streamed; trace attributes carry the prefix ``case:``.

Times stay the text they are: reading them is the mapping's business, so an unreadable time is
quarantined instead of being mined in string order (PITFALLS M7). A DOCTYPE is refused.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from xml.parsers import expat

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.errors import UnreadableFile
from ingestion.lake import literal, quoted
from ingestion.readers.raw import Raw
from ingestion.staging import CHUNK, Staged

BATCH = 50_000
MAX_ATTRIBUTES = 1000
MAX_DEPTH = 64
MAX_VALUE = 16 << 20
_CASE = "case:"
_VALUES = frozenset({"string", "date", "int", "float", "boolean", "id"})
Attributes = dict[str, str | None]


def read_xes(con: duckdb.DuckDBPyConnection, delivery: Staged) -> Raw:
    """Create ``raw`` from an XES log: a row per event, in file order."""
    spool, columns = _spool(delivery)
    if not spool:
        raise UnreadableFile(delivery.path, "the XML holds no XES event")
    files = ", ".join(literal(str(path)) for path in spool)
    names = ", ".join(quoted(name) for name in columns)
    con.execute(
        f"create or replace temp view raw as select {names} "
        f"from read_parquet([{files}], union_by_name=true)"
    )
    return Raw(columns, "xes")


def _spool(delivery: Staged) -> tuple[list[Path], tuple[str, ...]]:
    """Write events to Parquet in batches, so that memory stays bounded."""
    events = _events(delivery)
    files: list[Path] = []
    columns: dict[str, None] = {}
    while batch := list(islice(events, BATCH)):
        names: dict[str, None] = {}
        for event in batch:
            if not event.keys() <= names.keys():
                names.update(dict.fromkeys(event))
        columns.update(names)
        if len(columns) > MAX_ATTRIBUTES:
            raise UnreadableFile(delivery.path, f"more than {MAX_ATTRIBUTES} kinds of attributes")
        data = {name: pa.array([event.get(name) for event in batch], pa.string()) for name in names}
        files.append(delivery.folder / f"events-{len(files):06d}.parquet")
        pq.write_table(pa.table(data), files[-1], compression="zstd", compression_level=1)
    return files, _told_apart(delivery, tuple(columns))


def _told_apart(delivery: Staged, columns: tuple[str, ...]) -> tuple[str, ...]:
    if len({name.lower() for name in columns}) != len(columns):
        raise UnreadableFile(delivery.path, "two attributes differ only in upper and lower case")
    return columns


def _events(delivery: Staged) -> Iterator[Attributes]:
    """Events in file order; only one trace and one block of the file are held at a time."""
    log = _Log(delivery)
    parser = expat.ParserCreate(encoding="utf-8")  # as staged, whatever the declaration says
    parser.StartElementHandler = log.begin
    parser.EndElementHandler = log.end
    parser.StartDoctypeDeclHandler = log.refuse_doctype
    read = 0
    try:
        with delivery.content.open("rb") as file:
            while block := file.read(CHUNK):
                parser.Parse(block)
                yield from log.take()
                read += len(block)
                if read - parser.CurrentByteIndex > MAX_VALUE:
                    raise UnreadableFile(
                        delivery.path, f"a value or tag over {MAX_VALUE >> 20} MiB"
                    )
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableFile(
            delivery.path, f"the XML is damaged or ends early ({error})"
        ) from error


class _Log:
    """What the XML parser calls: gathers the attributes of a trace and its events.

    A trace's own attributes may follow its events, so events wait until their trace ends.
    """

    def __init__(self, delivery: Staged) -> None:
        self._path = delivery.path
        self._ready: list[Attributes] = []
        self._waiting: list[Attributes] = []
        self._case: Attributes | None = None
        self._event: Attributes | None = None
        self._owner: Attributes | None = None
        self._prefixes: list[str] = []
        self._inside_log = False
        self._skipped = 0

    def take(self) -> list[Attributes]:
        """Events that are complete and were not taken before."""
        taken, self._ready = self._ready, []
        return taken

    def begin(self, tag: str, said: dict[str, str]) -> None:
        if self._skipped:
            self._skipped += 1
            return
        name = tag.rpartition(":")[2]
        if self._owner is not None and name in _VALUES:
            key = self._prefixes[-1] + said.get("key", "")
            self._owner[key] = said.get("value")
            self._prefixes.append(key + "/")
            if len(self._prefixes) > MAX_DEPTH:
                raise UnreadableFile(self._path, f"attributes nested over {MAX_DEPTH} deep")
        elif not self._inside_log:
            if name != "log":
                raise UnreadableFile(
                    self._path, "this XML is not an event log Retrace knows (no XES <log> element)"
                )
            self._inside_log = True
        elif name == "event" and self._event is None and len(self._prefixes) <= 1:
            self._event = self._owner = {}
            self._prefixes = [""]
        elif name == "trace" and self._owner is None:
            self._case = self._owner = {}
            self._prefixes = [_CASE]
        else:
            self._skipped = 1

    def end(self, _tag: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif len(self._prefixes) > 1:
            self._prefixes.pop()
        elif self._event is not None:
            (self._ready if self._case is None else self._waiting).append(self._event)
            self._event, self._owner = None, self._case
            self._prefixes = [] if self._case is None else [_CASE]
        elif self._case is not None:
            self._ready += [self._case | event for event in self._waiting]
            self._waiting = []
            self._case = self._owner = None
            self._prefixes = []

    def refuse_doctype(self, *_: object) -> None:
        raise UnreadableFile(
            self._path, "the XML declares a DOCTYPE, which can hide an attack; remove it"
        )

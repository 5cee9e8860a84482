"""XES: traces and events as they stand, streamed; trace attributes carry the prefix ``case:``.

Times stay the text they are: reading them is the mapping's business, so an unreadable time is
quarantined instead of being mined in string order (PITFALLS M7). A DOCTYPE is refused.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from lxml import etree

from ingestion.errors import UnreadableFile
from ingestion.lake import literal, quoted
from ingestion.readers.raw import Raw
from ingestion.staging import Staged

BATCH = 50_000
MAX_ATTRIBUTES = 1000
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
        names = list(dict.fromkeys(key for event in batch for key in event))
        columns.update(dict.fromkeys(names))
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
    with delivery.content.open("rb") as file:
        yield from _parsed_events(delivery, file)


def _parsed_events(delivery: Staged, file: IO[bytes]) -> Iterator[Attributes]:
    context = etree.iterparse(
        file,
        events=("end",),
        tag=("{*}event", "{*}trace", "{*}log"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    root = None
    try:
        for _, element in context:
            if root is None and element.getroottree().docinfo.doctype:
                raise UnreadableFile(
                    delivery.path, "the XML declares a DOCTYPE, which can hide an attack; remove it"
                )
            root = element
            kind = etree.QName(element).localname
            if kind == "trace":
                case = _attributes(element, prefix="case:")
                for event in element.iterchildren("{*}event"):
                    yield case | _attributes(event)
                _forget(element)
            elif kind == "event" and etree.QName(element.getparent()).localname == "log":
                yield _attributes(element)
                _forget(element)
    except etree.XMLSyntaxError as error:
        raise UnreadableFile(
            delivery.path, f"the XML is damaged or ends early ({error.msg})"
        ) from error
    if root is None or etree.QName(root).localname != "log":
        raise UnreadableFile(
            delivery.path, "this XML is not an event log Retrace knows (no XES <log> element)"
        )


def _forget(element: etree._Element) -> None:
    """Free an element that has been read, and everything before it."""
    element.clear(keep_tail=False)
    while element.getprevious() is not None:
        del element.getparent()[0]


def _attributes(element: etree._Element, prefix: str = "") -> Attributes:
    found: Attributes = {}
    for child in element:
        if not isinstance(child.tag, str) or etree.QName(child).localname not in _VALUES:
            continue
        key = prefix + child.get("key", "")
        found[key] = child.get("value")
        if len(child):
            found |= {f"{key}/{name}": value for name, value in _attributes(child).items()}
    return found

"""Hand the log over: CSV, XES (IEEE 1849) and OCEL 2.0 JSON that other tools read back whole.

Only steps of the process are exported, as the maps count them: middleware messages stay. Files
whose name ends in ``.gz`` are compressed. A file appears under its name only when it is complete.
"""

import gzip
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path
from typing import Any, Literal, TextIO
from xml.sax.saxutils import quoteattr

import pandas as pd

from ingestion.errors import RetraceError
from mining.engine import fetch_frame
from mining.log import EventLog

Kind = Literal["ocel", "xes", "csv"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDINGS = {
    "csv": frozenset({".csv", ".txt"}),
    "xes": frozenset({".xes", ".xml"}),
    "ocel": frozenset({".json", ".jsonocel"}),
}
_ELSE = frozenset({".sqlite", ".sqlite3", ".db", ".xmlocel", ".parquet", ".xlsx"})
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBERS = frozenset({"quantity", "amount"})
_CARRIED = (
    *("source", "site", "actor_type", "sku", "quantity", "amount", "currency", "reason"),
    *("condition", "disposition", "financial_outcome", "inventory_status", "location", "lot"),
    *("serial", "document_id", "reversal_of", "note", "confidence", "extras"),
)


class UnknownExport(RetraceError):
    """A format nothing is exported to."""


class OtherEnding(RetraceError):
    """The name of the file promises another format than asked for."""

    def __init__(self, kind: str, path: Path, endings: frozenset[str]) -> None:
        self.path = path
        listed = " or ".join(sorted(endings))
        super().__init__(
            f"{path.name} is no name for {kind.upper()}, written as {listed} (or .gz)."
        )


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    events: int
    cases: int
    objects: int = 0


def export(log: EventLog, kind: Kind, path: Path | str) -> Exported:
    """Write the process events of a log to a file.

    Parameters
    ----------
    kind : "csv", "xes" or "ocel"
        OCEL 2.0 is written as JSON.

    Raises
    ------
    UnknownExport, OtherEnding
    """
    if kind not in _WRITERS:
        raise UnknownExport(f"There is no export to {kind!r}. Use one of: {', '.join(_WRITERS)}.")
    path = Path(path)
    ending = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    if ending in _ELSE.union(*_ENDINGS.values()) - _ENDINGS[kind]:
        raise OtherEnding(kind, path, _ENDINGS[kind])
    events = fetch_frame(log.engine, "export_events")
    return _WRITERS[kind](log, events, path)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """A text file that takes its name only when everything is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    packed = path.suffix == ".gz"
    try:
        with (
            gzip.open(partial, "wt", encoding="utf-8", newline="")
            if packed
            else partial.open("w", encoding="utf-8", newline="")
        ) as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _moment(microseconds: int) -> str:
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds")


def _write_csv(_: EventLog, events: pd.DataFrame, path: Path) -> Exported:
    table = events.drop(columns="case_no")
    for clock in ("occurred", "recorded"):
        column = table.columns.get_loc(f"{clock}_us")
        moments = [None if pd.isna(us) else _moment(int(us)) for us in table.pop(f"{clock}_us")]
        table.insert(int(str(column)), f"{clock}_at", pd.Series(moments, table.index, dtype=object))
    with _opened(path) as file:
        table.to_csv(file, index=False)
    return Exported(path, len(events), events["case_no"].nunique())


def _write_xes(_: EventLog, events: pd.DataFrame, path: Path) -> Exported:
    with _opened(path) as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<log xes.version="1849-2016" xmlns="http://www.xes-standard.org/">\n'
            '<extension name="Concept" prefix="concept" '
            'uri="http://www.xes-standard.org/concept.xesext"/>\n'
            '<extension name="Time" prefix="time" '
            'uri="http://www.xes-standard.org/time.xesext"/>\n'
            '<extension name="Organizational" prefix="org" '
            'uri="http://www.xes-standard.org/org.xesext"/>\n'
        )
        open_case = None
        for row in events.to_dict("records"):
            if row["case_no"] != open_case:
                file.write("" if open_case is None else "</trace>\n")
                file.write(f"<trace>{_xml('string', 'concept:name', row['case_id'])}\n")
                open_case = row["case_no"]
            file.write(_xes_event(row))
        file.write("" if open_case is None else "</trace>\n")
        file.write("</log>\n")
    return Exported(path, len(events), events["case_no"].nunique())


def _xes_event(row: dict[Any, Any]) -> str:
    parts = [
        _xml("string", "concept:name", row["activity"]),
        _xml("date", "time:timestamp", _moment(row["occurred_us"])),
    ]
    if _said(row["event_id"]):
        parts.append(_xml("string", "concept:instance", row["event_id"]))
    if _said(row["actor"]):
        parts.append(_xml("string", "org:resource", row["actor"]))
    if _said(row["recorded_us"]):
        parts.append(_xml("date", "recorded_at", _moment(int(row["recorded_us"]))))
    for name in _CARRIED:
        if _said(row[name]):
            parts.append(_xml("float" if name in _NUMBERS else "string", name, str(row[name])))
    return f"<event>{''.join(parts)}</event>\n"


def _said(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and isnan(value))


def _xml(kind: str, key: str, value: str) -> str:
    text = quoteattr(_FORBIDDEN.sub("\ufffd", value), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
    return f'<{kind} key="{key}" value={text}/>'


def _write_ocel(log: EventLog, events: pd.DataFrame, path: Path) -> Exported:
    links = _links(log, events)
    names = _object_ids(links)
    by_event: dict[str, list[dict[str, str]]] = {}
    for event, kind, number in links.itertuples(index=False):
        link = {"objectId": names[kind, number], "qualifier": kind}
        by_event.setdefault(event, []).append(link)
    kinds = sorted({kind for kind, _ in names})
    with _opened(path) as file:
        file.write('{"objectTypes": ')
        json.dump([{"name": kind, "attributes": []} for kind in kinds], file, ensure_ascii=False)
        file.write(',\n"eventTypes": ')
        json.dump(_event_types(events), file, ensure_ascii=False)
        _write_list(file, "objects", ({"id": name, "type": key[0]} for key, name in names.items()))
        _write_list(file, "events", _ocel_events(events, by_event))
        file.write("\n}\n")
    return Exported(path, len(events), events["case_no"].nunique(), len(names))


def _links(log: EventLog, events: pd.DataFrame) -> pd.DataFrame:
    """Event, type and id of every link; an event always belongs to its line."""
    links = fetch_frame(log.engine, "export_links")
    lines = pd.DataFrame(
        {
            "event_id": _event_ids(events),
            "object_type": "line",
            "object_id": events["case_id"].to_numpy(),
        }
    )
    return pd.concat([lines, links], ignore_index=True).drop_duplicates(ignore_index=True)


def _event_ids(events: pd.DataFrame) -> list[str]:
    return [
        event if isinstance(event, str) else f"e{number}"
        for number, event in enumerate(events["event_id"])
    ]


def _object_ids(links: pd.DataFrame) -> dict[tuple[str, str], str]:
    """One id per object; two objects of different types with the same id get their type before."""
    pairs = list(dict.fromkeys(zip(links["object_type"], links["object_id"], strict=True)))
    counts = pd.Series([number for _, number in pairs]).value_counts()
    return {
        (kind, number): number if counts[number] == 1 else f"{kind}:{number}"
        for kind, number in pairs
    }


def _event_types(events: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    for name, rows in events.groupby("activity", sort=True):
        carried = [column for column in ("actor", *_CARRIED) if rows[column].notna().any()]
        attributes = [
            {"name": column, "type": "float" if column in _NUMBERS else "string"}
            for column in carried
        ]
        found.append({"name": name, "attributes": attributes})
    return found


def _ocel_events(
    events: pd.DataFrame, by_event: dict[str, list[dict[str, str]]]
) -> Iterator[dict[str, Any]]:
    ids = _event_ids(events)
    for name, row in zip(ids, events.to_dict("records"), strict=True):
        yield {
            "id": name,
            "type": row["activity"],
            "time": _moment(row["occurred_us"]),
            "attributes": [
                {"name": column, "value": row[column]}
                for column in ("actor", *_CARRIED)
                if _said(row[column])
            ],
            "relationships": by_event.get(name, []),
        }


def _write_list(file: TextIO, name: str, rows: Iterator[dict[str, Any]]) -> None:
    file.write(f',\n"{name}": [')
    for number, row in enumerate(rows):
        file.write(",\n" if number else "\n")
        file.write(json.dumps(row, ensure_ascii=False))
    file.write("\n]")


_WRITERS: dict[str, Callable[[EventLog, pd.DataFrame, Path], Exported]] = {
    "ocel": _write_ocel,
    "xes": _write_xes,
    "csv": _write_csv,
}

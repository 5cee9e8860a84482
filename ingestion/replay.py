"""Another try for quarantined records: repaired by hand where needed, read with their own mapping.

A replayed record leaves the quarantine and is received no second time: the counters move it from
quarantined to its new fate. Replaying again finds nothing left to do.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ingestion.door import Door
from ingestion.errors import RetraceError
from ingestion.intake import utc_now
from ingestion.lake import Lake
from ingestion.mapping import Mapping
from ingestion.readers import read_raw
from ingestion.session import Row
from ingestion.settings import Settings
from ingestion.staging import Staged

FILTERS = ("source", "site", "reason", "delivery", "id")

_SELECTED = """
select q.*, d.name as delivery, d.mapping_digest,
       coalesce(d.replay_of, d.delivery_id) as origin
from quarantine q join (select * from deliveries where not repeat) d using (delivery_id)
order by origin, mapping_digest, quarantine_id
"""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay, in records; ``left`` cannot be replayed from here."""

    replayed: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    left: int = 0

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


def replay(
    settings: Settings,
    *,
    filters: dict[str, str] | None = None,
    changes: dict[str, str] | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Replayed:
    """Read quarantined records again, after setting fields to other values.

    Parameters
    ----------
    filters : dict
        ``source``, ``site``, ``reason``, ``delivery`` (file name) or ``id`` (its beginning).
    changes : dict
        Source column -> value, for every selected record.

    Raises
    ------
    RetraceError
        A filter or a column does not exist.
    """
    _check_filters(filters or {})
    lake = Lake(settings.home)
    with lake.writing():
        door = Door(settings, lake, now)
        rows = door.session.con.sql(_SELECTED).to_arrow_table().to_pylist()
        rows = [row for row in rows if _selected(row, filters or {})]
        ready = [row for row in rows if _fields(row) is not None and _kept(door, row).exists()]
        for _, group in groupby(ready, key=lambda row: (row["origin"], row["mapping_digest"])):
            _replay_group(door, list(group), changes or {})
        door.session.commit()
    summed = {
        name: sum(int(row[name]) for row in door.taken)
        for name in ("accepted", "duplicate", "quarantined")
    }
    return Replayed(
        replayed=len(ready),
        accepted=summed["accepted"],
        duplicate=summed["duplicate"],
        quarantined=summed["quarantined"] + len(ready),
        left=len(rows) - len(ready),
    )


def _check_filters(filters: dict[str, str]) -> None:
    for name in filters:
        if name not in FILTERS:
            raise RetraceError(f"No filter {name!r}; there are: {', '.join(FILTERS)}")


def _selected(row: Row, filters: dict[str, str]) -> bool:
    wanted = dict(filters)
    beginning = wanted.pop("id", "")
    same = all(row[name] == value for name, value in wanted.items())
    return same and str(row["quarantine_id"]).startswith(beginning)


def _fields(row: Row) -> dict[str, Any] | None:
    """The record as columns, if it got as far as having columns."""
    try:
        fields = json.loads(row["raw"] or b"")
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _kept(door: Door, row: Row) -> Path:
    return door.mappings / f"{row['mapping_digest']}.json"


def _replay_group(door: Door, rows: list[Row], changes: dict[str, str]) -> None:
    door.session.refresh()
    mapping = Mapping.from_dict(json.loads(_kept(door, rows[0]).read_text(encoding="utf-8")))
    records = []
    for row in rows:
        fields = _fields(row) or {}
        unknown = sorted(set(changes) - set(fields))
        if unknown:
            raise RetraceError(
                f"{row['delivery']} has no column {unknown[0]!r}; its columns are: "
                f"{', '.join(fields)}"
            )
        records.append(json.dumps(fields | changes, ensure_ascii=False))
    text = "\n".join(records) + "\n"
    marker = f"{text}{door.session.arrival_no + 1}"
    with TemporaryDirectory(dir=_scratch(door)) as folder:
        content = Path(folder) / "records"
        content.write_text(text, encoding="utf-8")
        staged = Staged(
            path=Path(f"replay of {rows[0]['delivery']}"),
            content=content,
            sha256=sha256(marker.encode()).hexdigest(),
            format="jsonl",
            folder=Path(folder),
        )
        raw = read_raw(door.session.con, staged)
        door.take(staged, raw, mapping, replayed=rows, replay_of=rows[0]["origin"])


def _scratch(door: Door) -> Path:
    door.scratch.mkdir(parents=True, exist_ok=True)
    return door.scratch

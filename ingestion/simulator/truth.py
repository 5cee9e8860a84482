"""The hidden truth: what happened, what the units are, what each alternative would have brought."""

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.simulator import recovery
from ingestion.simulator.clock import HOUR
from ingestion.simulator.line import Fact, Line
from ingestion.simulator.native.files import TextFile, csv_row
from ingestion.simulator.recovery import Unit
from ingestion.simulator.world import World

_TIME: Final = pa.timestamp("us", tz="UTC")
_SCHEMA: Final = pa.schema(
    [
        pa.field("case_id", pa.string()),
        pa.field("activity", pa.string()),
        pa.field("occurred_at", _TIME),
        pa.field("recorded_at", _TIME),
        pa.field("site", pa.string()),
        pa.field("actor", pa.string()),
        pa.field("document_id", pa.string()),
    ]
)
_ROWS: Final = 50_000

BOTTLENECKS: Final = (
    ("HQ", "Approve credit", "approval queue: two approvers, holidays and the month-end freeze"),
    ("DC5", "Finish inspection", "inspectors fully loaded; outcomes mailed to finance"),
    ("DC4", "Finish inspection", "inspectors loaded to 93 %, one shift"),
    ("DC4", "Post stock transfer", "end-of-day file, loaded at night"),
    ("DC2", "Finish refurbishment", "rework bench for electronics and computing"),
    ("DC3", "First carrier scan", "carrier TARDIGO uploads its scans late"),
)


class Truth:
    """Writes ``truth/`` as the run goes on."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._events = pq.ParquetWriter(root / "events.parquet", _SCHEMA, compression="zstd")
        self._rows: list[tuple[Any, ...]] = []
        self._lines = TextFile(
            root / "lines.csv", header="case_id,reason,condition,disposition,grade,probabilities,values"
        )
        self._faults = TextFile(root / "faults.csv", header="fault_id,type,document_ids")
        self._frauds = TextFile(root / "fraud.csv", header="fraud_id,type,case_ids,document_ids")
        with_rows = TextFile(root / "bottlenecks.csv", header="site,activity,cause")
        for row in BOTTLENECKS:
            with_rows.write(csv_row(row))
        with_rows.close()
        self.events = 0
        self._root = root

    def fact(self, fact: Fact) -> None:
        """Add a true event."""
        self._rows.append(
            (
                fact.line.case_id,
                fact.code,
                int(fact.occurred * 1e6),
                int(fact.recorded * 1e6),
                fact.site,
                fact.actor,
                fact.values.get("document"),
            )
        )
        self.events += 1
        if len(self._rows) >= _ROWS:
            self._drain()

    def line(self, line: Line) -> None:
        """Add what a line really is, and the value of each alternative per unit."""
        unit = Unit(line.item, line.reason, line.condition, line.grade, line.quantity)
        values = recovery.alternatives(unit)
        chances = recovery.probabilities(unit, site=line.site)
        self._lines.write(
            csv_row(
                (
                    line.case_id,
                    line.reason,
                    line.condition,
                    recovery.best(unit),
                    line.grade,
                    ";".join(f"{name}={chance:.4f}" for name, chance in chances.items()),
                    ";".join(f"{name}={value:.2f}" for name, value in values.items()),
                )
            )
        )

    def utilisation(self, world: World, start: float, end: float) -> None:
        """Write how loaded each station was inside the window, and how long jobs waited."""
        file = TextFile(self._root / "stations.csv", header="station,people,utilisation,jobs,wait_h")
        for station in world.stations():
            share = station.utilisation(start, end)
            wait = station.waited_s / max(station.jobs, 1) / HOUR
            people = len(station.calendars)
            file.write(f"{station.name},{people},{share:.3f},{station.jobs},{wait:.2f}")
        file.close()

    def _drain(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)
        ]
        self._events.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA))
        self._rows.clear()

    def close(self) -> None:
        """Write what is left and close all files."""
        self._drain()
        self._events.close()
        for file in (self._lines, self._faults, self._frauds):
            file.close()

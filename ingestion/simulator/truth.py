"""The hidden truth: what happened, what the units are, what each alternative would have brought."""

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.simulator import recovery
from ingestion.simulator.clock import HOUR, MINUTE, iso
from ingestion.simulator.faults import BREAK_OF
from ingestion.simulator.fraud import LASTING
from ingestion.simulator.happenings import Happening
from ingestion.simulator.line import Fact, Line
from ingestion.simulator.native.files import TextFile, csv_row
from ingestion.simulator.network import SITES
from ingestion.simulator.ocel import OcelLog
from ingestion.simulator.recovery import Unit
from ingestion.simulator.staffing import Station

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
_WAIT_SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("case_id", "site", "activity", "cause", "what")),
        pa.field("since", _TIME),
        pa.field("hours", pa.float32()),
    ]
)
_FAULTS: Final = "fault_id,type,document_ids,fault,repaired_at"
_FRAUDS: Final = "fraud_id,type,case_ids,document_ids,customer_id,site,exposure,requested_at"
_ROWS: Final = 50_000

BOTTLENECKS: Final = (
    ("HQ", "Approve credit", "approval queue: clerks, two approvers, holidays, month-end freeze"),
    ("DC5", "Post stock transfer", "results of mailed inspections keyed by finance days later"),
    ("DC5", "Finish inspection", "inspectors fully loaded; outcomes mailed to finance"),
    ("DC4", "Finish inspection", "inspectors loaded to 93 %, one shift"),
    ("DC4", "Post stock transfer", "end-of-day file, loaded at night"),
    ("DC2", "Finish refurbishment", "rework bench for electronics and computing"),
    *(
        (site.code, "First carrier scan", "carrier TARDIGO uploads its scans late")
        for site in SITES
    ),
)


class Rows:
    """A Parquet file that takes rows one by one."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._rows: list[tuple[Any, ...]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        """Add a row; a full block is written."""
        self._rows.append(row)
        if len(self._rows) >= _ROWS:
            self._drain()

    def _drain(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()

    def close(self) -> None:
        """Write what is left and close."""
        if self._rows:
            self._drain()
        self._file.close()


class Truth:
    """Writes ``truth/`` as the run goes on."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._events = Rows(root / "events.parquet", _SCHEMA)
        self._waits = Rows(root / "waits.parquet", _WAIT_SCHEMA)
        self._lines = TextFile(
            root / "lines.csv",
            header="case_id,reason,condition,disposition,grade,probabilities,values,quantity",
        )
        self._faults = TextFile(root / "faults.csv", header=_FAULTS)
        self._frauds = TextFile(
            root / "fraud.csv",
            header=_FRAUDS,
        )
        with_rows = TextFile(root / "bottlenecks.csv", header="site,activity,cause")
        for row in BOTTLENECKS:
            with_rows.write(csv_row(row))
        with_rows.close()
        self._deviations = TextFile(root / "deviations.csv", header="rule,case_id")
        self._fault_count = 0
        self._fraud_count = 0
        self.events = 0
        self.movements = 0
        self._root = root
        self._ocel = OcelLog(root)

    def fact(self, fact: Fact) -> None:
        """Add a true event."""
        self._events.add(
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
        self._ocel.fact(fact)
        self.events += 1

    def wait(
        self, line: Line, activity: str, *, cause: str, what: str, since: float, until: float
    ) -> None:
        """Add what kept ``activity`` of a line from beginning; nothing below a minute counts."""
        if line.ghost or until - since < MINUTE:
            return
        hours = (until - since) / HOUR
        row = (line.case_id, line.site.code, activity, cause, what, int(since * 1e6), hours)
        self._waits.add(row)

    def line(self, line: Line) -> None:
        """Add what a line really is, and the value of each alternative per unit."""
        self._ocel.line(line)
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
                    line.quantity,
                )
            )
        )

    def fault(
        self,
        name: str,
        documents: list[str],
        *,
        until: float | None = None,
        open_break: bool = False,
    ) -> None:
        """Add a fault; with the break it leaves only if it is open when the log ends."""
        self._fault_count += 1
        kind = BREAK_OF[name] if open_break else name
        repaired = "" if until is None else iso(until)
        self._faults.write(
            csv_row((f"F{self._fault_count:06d}", kind, ";".join(documents), name, repaired))
        )

    def fraud(self, line: Line) -> None:
        """Add the scheme behind a line."""
        self._fraud_count += 1
        documents = line.state.get("documents", [])
        self._frauds.write(
            csv_row(
                (
                    f"X{self._fraud_count:05d}",
                    line.scheme,
                    line.case_id,
                    ";".join(documents),
                    line.customer.customer_id,
                    line.site.code,
                    f"{line.quantity * line.unit_price:.2f}",
                    iso(line.requested_at),
                )
            )
        )

    def deviation(self, rule: str, line: Line) -> None:
        """Add a broken conformance rule."""
        self._deviations.write(f"{rule},{line.case_id}")

    def happenings(self, happenings: list[Happening]) -> None:
        """Write the singular happenings and the lasting anomalies of the run."""
        file = TextFile(self._root / "happenings.csv", header="kind,entity,start,end")
        for one in happenings:
            file.write(csv_row((one.kind, one.entity, iso(one.start), iso(one.end))))
        file.close()
        file = TextFile(self._root / "anomalies.csv", header="kind,site,entity,description")
        for anomaly in LASTING:
            file.write(csv_row((anomaly.kind, anomaly.site, anomaly.entity, anomaly.description)))
        file.close()

    def utilisation(self, stations: list[Station], start: float, end: float) -> None:
        """Write how loaded each station was inside the window, and how long jobs waited."""
        file = TextFile(
            self._root / "stations.csv",
            header="station,people,utilisation,jobs,wait_h,natural_work_h",
        )
        for station in stations:
            share = station.utilisation(start, end)
            wait = station.waited_s / max(station.jobs, 1) / HOUR
            people = len(station.calendars)
            file.write(
                f"{station.name},{people},{share:.3f},{station.jobs},{wait:.2f},"
                f"{station.asked_s / HOUR:.1f}"
            )
        file.close()

    def close(self) -> None:
        """Write what is left and close all files."""
        self._events.close()
        self._waits.close()
        self._ocel.close()
        for file in (self._lines, self._faults, self._frauds, self._deviations):
            file.close()

"""What warehouses write: a modern system's JSON lines, a legacy system's end-of-day files."""

from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from ingestion.simulator.clock import DAY, iso, local_day
from ingestion.simulator.faults import Calamities
from ingestion.simulator.line import Fact
from ingestion.simulator.native.files import MonthlyFile, TextFile, csv_row
from ingestion.simulator.native.transport import AtLeastOnce, Report, WrongClock
from ingestion.simulator.network import SITE_OF, Site

MODERN_TYPES: Final = {
    "A08": "UNIT_ARRIVED",
    "A09": "UNIT_RECEIVED",
    "A10": "UNIT_HELD",
    "A11": "BLIND_MATCHED",
    "A12": "INSPECTION_STARTED",
    "A13": "INSPECTION_FINISHED",
    "A14": "UNIT_SPLIT",
    "A19": "UNIT_MOVED",
    "A20S": "REWORK_STARTED",
    "A20": "REWORK_FINISHED",
}
_FORGOTTEN_CLOCKS: Final = tuple(
    WrongClock(moment, moment + 3 * DAY)
    for moment in (
        datetime(2025, 3, 9, 8, tzinfo=UTC).timestamp(),
        datetime(2025, 11, 2, 7, tzinfo=UTC).timestamp(),
        datetime(2026, 3, 8, 8, tzinfo=UTC).timestamp(),
    )
)
"""Three days after each clock change DC2's server is an hour off."""

LEGACY_TYPES: Final = {
    "A08": "ARR",
    "A09": "RCV",
    "A10": "HLD",
    "A11": "MAT",
    "A13": "INS",
    "A14": "SPL",
    "A19": "PUT",
    "A20S": "RWS",
    "A20": "RWE",
}
LEGACY_COLUMNS: Final = (
    "DCNO",
    "BUSDATE",
    "SEQ",
    "TXN",
    "DOCNO",
    "RMANO",
    "LNNO",
    "UNITNO",
    "ITEMNO",
    "QTY",
    "UOM",
    "PACK",
    "REASN",
    "COND",
    "GRD",
    "DISP",
    "STAT",
    "LOC",
    "LOTNO",
    "SERNO",
    "EMPNO",
    "XREF",
    "REMARK",
    "EXTRDATE",
    "EXTRTIME",
)


class ModernWms:
    """One modern site's event stream, as its API delivered it."""

    def __init__(self, root: Path, site: str, *, rng: Random, report: Report) -> None:
        self._file = MonthlyFile(root, f"wms_modern/{site}/events-{{month}}.jsonl.gz")
        clocks = _FORGOTTEN_CLOCKS if site == "DC2" else ()
        self._channel = AtLeastOnce(self._file.write, rng=rng, report=report, wrong_clocks=clocks)
        self._last = 0.0

    def __call__(self, fact: Fact) -> None:
        line = fact.line
        record: dict[str, Any] = {
            "messageId": f"{fact.site}-{fact.number:010d}",
            "eventType": MODERN_TYPES[fact.code],
            "rma": line.rma,
            "line": line.number,
            "eventTime": iso(fact.occurred),
            "loggedTime": iso(fact.recorded),
            "dc": fact.site,
            "operator": fact.actor,
            "operatorKind": "human" if fact.human else "system",
            "sku": line.item.sku,
            "unit": f"{line.rma}-{line.number}-U1",
            "qty": line.received or None,
            "uom": "EA",
            "seq": fact.number,
        }
        record.update(fact.values)
        record["correlation"] = record.pop("message", None)
        self._last = fact.recorded
        self._channel.send(
            {key: value for key, value in record.items() if value is not None},
            time_key="eventTime",
            occurred=fact.occurred,
            at=fact.recorded,
            document=record.get("document") or record["messageId"],
        )

    def close(self) -> None:
        """Close the file."""
        self._channel.flush(self._last)
        self._file.close()


_DATE, _SEQUENCE, _DOCUMENT = (LEGACY_COLUMNS.index(name) for name in ("BUSDATE", "SEQ", "DOCNO"))


def legacy_row(fact: Fact, site: Site, sequence: int) -> tuple[Any, ...]:
    """Cells of a fact in an end-of-day file."""
    line, values = fact.line, fact.values
    return (
        fact.site,
        local_day(fact.occurred, site.zone).isoformat(),
        sequence,
        LEGACY_TYPES[fact.code],
        values.get("document"),
        line.rma,
        line.number,
        values.get("unit", f"{line.rma}-{line.number}-U1"),
        line.item.sku,
        values.get("qty", line.received or None),
        "EA",
        None,
        values.get("reason"),
        values.get("condition"),
        values.get("grade"),
        values.get("disposition"),
        values.get("status"),
        values.get("location"),
        values.get("lot"),
        values.get("serial"),
        fact.actor,
        values.get("message"),
        values.get("note"),
        local_day(fact.recorded, site.zone).isoformat(),
        "23:30",
    )


_DUPLICATED_ROWS: Final = 0.003
_UNREADABLE_ROWS: Final = 0.006


class LegacyWms:
    """One legacy site's end-of-day files: business dates without times."""

    def __init__(
        self, root: Path, site: str, *, rng: Random, report: Report, calamities: Calamities
    ) -> None:
        self._rng = rng
        self._report = report
        self._calamities = calamities
        self._root = root
        self._site = SITE_OF[site]
        self._file: TextFile | None = None
        self._day: date | None = None
        self._seq = 0

    def __call__(self, fact: Fact) -> None:
        batch = fact.values["batch"]
        if batch != self._day or self._file is None:
            self._turn(batch)
        assert self._file is not None
        self._seq += 1
        row = legacy_row(fact, self._site, self._seq)
        document = row[_DOCUMENT] or f"{self.name}#{self._seq}"
        if self._rng.random() < _UNREADABLE_ROWS:
            day = local_day(fact.occurred, self._site.zone)
            row = (*row[:_DATE], f"{day:%d}/{day:%m}/{day:%y} *", *row[_DATE + 1 :])
            self._report("malformed", [document])
        self._file.write(csv_row(row))
        if self._rng.random() < _DUPLICATED_ROWS:
            self._seq += 1
            self._file.write(csv_row((*row[:_SEQUENCE], self._seq, *row[_SEQUENCE + 1 :])))
            self._report("duplicate", [row[_DOCUMENT] or f"{self.name}#{self._seq}"])

    @property
    def name(self) -> str:
        """Name of the file being written."""
        return f"RET_{self._site.code}_{self._day:%Y%m%d}.csv" if self._day else ""

    def _turn(self, day: date) -> None:
        self.close()
        self._day, self._seq = day, 0
        path = self._root / "wms_legacy" / self._site.code / self.name
        self._file = TextFile(path, header=",".join(LEGACY_COLUMNS))

    def close(self) -> None:
        """Close the file; some files arrive a second time."""
        if self._file is None or self._day is None:
            return
        self._file.close()
        path = self._file.path
        self._file = None
        if self._calamities.file_day(self._site, self._day).resent:
            path.with_name(path.stem + "_RESEND.csv").write_bytes(path.read_bytes())
            self._report("duplicate", [path.name])
        if self._calamities.file_day(self._site, self._day).late_days:
            self._report("late", [path.name])


class LegacyRows:
    """Rows of a legacy site in one file a month, as an extract on demand would hold them."""

    def __init__(self, root: Path, site: str) -> None:
        self._file = MonthlyFile(
            root, f"wms_legacy/{site}/INS_{site}_{{month}}.csv", header=",".join(LEGACY_COLUMNS)
        )
        self._site = SITE_OF[site]
        self._seq = 0

    def __call__(self, fact: Fact) -> None:
        self._seq += 1
        self._file.write(fact.recorded, csv_row(legacy_row(fact, self._site, self._seq)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

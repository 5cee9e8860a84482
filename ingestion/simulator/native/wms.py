"""What warehouses write: a modern system's JSON lines, a legacy system's end-of-day files."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from ingestion.simulator.clock import iso, local_day, local_time
from ingestion.simulator.line import Fact
from ingestion.simulator.native.files import MonthlyFile, TextFile, csv_row, json_row
from ingestion.simulator.network import SITE_OF

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

    def __init__(self, root: Path, site: str) -> None:
        self._file = MonthlyFile(root, f"wms_modern/{site}/events-{{month}}.jsonl.gz")

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
        self._file.write(fact.recorded, json_row(record))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class LegacyWms:
    """One legacy site's end-of-day files: business dates without times."""

    def __init__(self, root: Path, site: str) -> None:
        self._root = root
        self._site = SITE_OF[site]
        self._file: TextFile | None = None
        self._day = ""
        self._seq = 0

    def __call__(self, fact: Fact) -> None:
        line, values = fact.line, fact.values
        extracted = local_time(fact.recorded, self._site.zone)
        business = local_day(fact.occurred, self._site.zone)
        if extracted.hour < 12:
            extracted -= timedelta(days=1)
        day = f"{extracted:%Y%m%d}"
        if day != self._day or self._file is None:
            self._turn(day)
        assert self._file is not None
        self._seq += 1
        row = (
            fact.site,
            business.isoformat(),
            self._seq,
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
            f"{extracted:%Y-%m-%d}",
            "23:30",
        )
        self._file.write(csv_row(row))

    def _turn(self, day: str) -> None:
        self.close()
        self._day, self._seq = day, 0
        name = f"wms_legacy/{self._site.code}/RET_{self._site.code}_{day}.csv"
        self._file = TextFile(self._root / name, header=",".join(LEGACY_COLUMNS))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

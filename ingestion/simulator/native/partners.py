"""What partners and the middleware report: carrier scans, supplier portal, message log."""

from pathlib import Path
from typing import Final

from ingestion.simulator.clock import iso
from ingestion.simulator.line import Fact
from ingestion.simulator.native.files import MonthlyFile, csv_row, json_row

SCAN_COLUMNS: Final = (
    "scan_id",
    "tracking_no",
    "scan_code",
    "scanned_at",
    "uploaded_at",
    "carrier",
    "destination",
    "customer_ref",
    "customer_ref_line",
    "pieces",
    "weight_kg",
)
SCAN_CODES: Final = {"A06": "PU", "A07": "DL"}
CLAIM_COLUMNS: Final = (
    "entry_no",
    "claim_no",
    "step",
    "stepped_at",
    "keyed_at",
    "supplier",
    "contract",
    "dc",
    "rma_no",
    "rma_item",
    "part_no",
    "qty",
    "amount",
    "currency",
    "answer",
    "denial_code",
    "eligible_until",
    "keyed_by",
)
CLAIM_STEPS: Final = {
    "S02": "FILED",
    "S03": "ANSWERED",
    "S04": "SHIPPED",
    "S05": "DELIVERED",
    "S06": "CREDITED",
    "S07": "CLOSED",
}
MESSAGE_STEPS: Final = {
    "M01P": "produced",
    "M01R": "received",
    "M01T": "retried",
    "M01F": "failed",
    "M01D": "dead_lettered",
    "M01Y": "replayed",
    "M01I": "duplicate_ignored",
}


class CarrierScans:
    """Scans of the carriers, one row a line in the parcel."""

    def __init__(self, root: Path) -> None:
        self._file = MonthlyFile(
            root, "carriers/scans-{month}.csv.gz", header=",".join(SCAN_COLUMNS)
        )

    def __call__(self, fact: Fact) -> None:
        line = fact.line
        row = (
            f"SC{fact.number:010d}",
            line.tracking,
            SCAN_CODES[fact.code],
            iso(fact.occurred),
            iso(fact.recorded),
            line.carrier.code,
            fact.site,
            line.rma,
            line.number,
            fact.values.get("pieces", 1),
            fact.values.get("weight"),
        )
        self._file.write(fact.recorded, csv_row(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class SupplierPortal:
    """Steps of supplier claims as the portal shows them."""

    def __init__(self, root: Path) -> None:
        self._file = MonthlyFile(
            root, "suppliers/claims-{month}.csv.gz", header=",".join(CLAIM_COLUMNS)
        )

    def __call__(self, fact: Fact) -> None:
        line, values = fact.line, fact.values
        row = (
            f"SP{fact.number:010d}",
            values["claim"],
            CLAIM_STEPS[fact.code],
            iso(fact.occurred),
            iso(fact.recorded),
            line.item.contract.supplier_id,
            line.item.contract.contract_id,
            fact.site,
            line.rma,
            line.number,
            line.item.sku,
            values.get("qty", line.received),
            f"{values['amount']:.2f}",
            "USD",
            values.get("answer"),
            values.get("denial"),
            values.get("eligible_until"),
            fact.actor,
        )
        self._file.write(fact.recorded, csv_row(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class MiddlewareLog:
    """What happened to each message between two systems."""

    def __init__(self, root: Path) -> None:
        self._file = MonthlyFile(root, "middleware/messages-{month}.jsonl.gz")

    def __call__(self, fact: Fact) -> None:
        values = fact.values
        record = {
            "logId": f"ML{fact.number:010d}",
            "correlationId": values["message"],
            "step": MESSAGE_STEPS[fact.code],
            "at": iso(fact.recorded),
            "interface": values["interface"],
            "from": values["sender"],
            "to": values["receiver"],
            "warehouse": fact.site,
            "rmaNumber": fact.line.rma,
            "rmaLine": fact.line.number,
            "attempt": values.get("attempt", 1),
            "error": values.get("error"),
            "seq": fact.number,
        }
        self._file.write(fact.recorded, json_row(record))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

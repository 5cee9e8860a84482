"""What the ERP exports: material movements, credit documents and the reserve journal as CSV."""

from pathlib import Path
from typing import Final

from ingestion.simulator.clock import iso
from ingestion.simulator.line import Fact
from ingestion.simulator.native.files import MonthlyFile, csv_row

MOVEMENT_COLUMNS: Final = (
    "mat_doc",
    "doc_item",
    "mvt_type",
    "posting_date",
    "entered_at",
    "plant",
    "stor_loc",
    "material",
    "qty",
    "base_uom",
    "stock_type",
    "follow_up",
    "amount",
    "currency",
    "rma_no",
    "rma_item",
    "wms_ref",
    "correlation_id",
    "serial_no",
    "batch_no",
    "entered_by",
    "reversal_of",
)
MOVEMENT_TYPES: Final = {"E01": "651", "E08": "652"}
FOLLOW_UP_TYPES: Final = {
    "RESTOCK": "453",
    "RESTOCK_B": "457",
    "REFURBISH": "455",
    "QUARANTINE": "459",
    "CUSTOMER_DISPUTE": "459",
    "SUPPLIER_RETURN": "Z61",
    "FIELD_DESTROY_FOR_CREDIT": "Z55",
    "SCRAP": "551",
    "LIQUIDATE": "Z53",
    "DONATE": "Z54",
    "RECYCLE": "Z56",
    "RETURN_TO_CUSTOMER": "Z65",
    "LOST": "Z57",
}
CREDIT_COLUMNS: Final = (
    "fin_doc",
    "doc_kind",
    "entered_at",
    "posting_date",
    "rma_no",
    "rma_item",
    "dc",
    "customer_no",
    "material",
    "qty",
    "amount",
    "currency",
    "outcome",
    "reference_doc",
    "reversal_of",
    "correlation_id",
    "entered_by",
    "user_kind",
)
CREDIT_KINDS: Final = {
    "E03": "K_REQ",
    "E04": "K_APP",
    "E05": "K_MEMO",
    "E06": "PAY",
    "E08": "K_REV",
}
RESERVE_COLUMNS: Final = (
    "journal_doc",
    "entered_at",
    "posting_date",
    "account",
    "rma_no",
    "rma_item",
    "dc",
    "material",
    "amount",
    "currency",
    "entered_by",
)


class MaterialMovements:
    """Goods receipts, status transfers and reversals."""

    def __init__(self, root: Path) -> None:
        self._file = MonthlyFile(
            root, "erp/material_movements-{month}.csv.gz", header=",".join(MOVEMENT_COLUMNS)
        )

    def __call__(self, fact: Fact) -> None:
        line, values = fact.line, fact.values
        kind = MOVEMENT_TYPES.get(fact.code) or FOLLOW_UP_TYPES[values["disposition"]]
        row = (
            values["document"],
            "0001",
            values.get("mvt_type", kind),
            values["posting_date"],
            iso(fact.recorded),
            fact.site,
            values.get("location", "RET1"),
            values.get("sku", line.item.sku),
            values["qty"],
            "EA",
            values.get("status"),
            values.get("disposition"),
            f"{values['amount']:.2f}",
            "USD",
            values.get("rma", line.rma),
            values.get("item", line.number),
            values.get("wms_ref"),
            values.get("message"),
            values.get("serial"),
            values.get("lot"),
            fact.actor,
            values.get("reversal_of"),
        )
        self._file.write(fact.recorded, csv_row(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class CreditDocuments:
    """Credit requests, approvals, memos and payments."""

    def __init__(self, root: Path) -> None:
        self._file = MonthlyFile(
            root, "erp/credit_documents-{month}.csv.gz", header=",".join(CREDIT_COLUMNS)
        )

    def __call__(self, fact: Fact) -> None:
        line, values = fact.line, fact.values
        row = (
            values["document"],
            CREDIT_KINDS[fact.code],
            iso(fact.recorded),
            values["posting_date"],
            line.rma,
            line.number,
            fact.site,
            line.customer.customer_id,
            line.item.sku,
            values["qty"],
            f"{values['amount']:.2f}",
            "USD",
            values.get("outcome"),
            values.get("reference"),
            values.get("reversal_of"),
            values.get("message"),
            fact.actor,
            "human" if fact.human else "system",
        )
        self._file.write(fact.recorded, csv_row(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ReserveJournal:
    """Reserve movements: write-downs of returned stock."""

    def __init__(self, root: Path) -> None:
        self._file = MonthlyFile(
            root, "erp/reserve_journal-{month}.csv.gz", header=",".join(RESERVE_COLUMNS)
        )

    def __call__(self, fact: Fact) -> None:
        line, values = fact.line, fact.values
        row = (
            values["document"],
            iso(fact.recorded),
            values["posting_date"],
            values["account"],
            line.rma,
            line.number,
            fact.site,
            line.item.sku,
            f"{values['amount']:.2f}",
            "USD",
            fact.actor,
        )
        self._file.write(fact.recorded, csv_row(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

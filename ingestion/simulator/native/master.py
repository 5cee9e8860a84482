"""Master data as the ERP exports it: items, sites, suppliers, customers, contracts, orders."""

import json
from pathlib import Path
from typing import Final

from ingestion.simulator.catalogue import Catalogue
from ingestion.simulator.clock import iso
from ingestion.simulator.line import Line
from ingestion.simulator.native.files import MonthlyFile, csv_row, write_csv
from ingestion.simulator.network import SITES, Site

VALID_FROM: Final = "2024-01-01"

ORDER_COLUMNS: Final = (
    "order_id",
    "order_line",
    "sku",
    "customer_id",
    "site",
    "carrier",
    "currency",
    "lots",
    "serials",
    "quantity_shipped",
    "unit_price",
    "shipped_at",
    "delivered_at",
)


class Orders:
    """The order line behind each return line, written when the return is asked for."""

    def __init__(self, root: Path) -> None:
        self._file = MonthlyFile(
            root, "master/order_lines-{month}.csv.gz", header=",".join(ORDER_COLUMNS)
        )

    def add(self, line: Line) -> None:
        """Write the order line of a return line, if it has one."""
        if line.order_id is None or line.ghost:
            return
        row = (
            line.order_id,
            line.order_line,
            line.item.sku,
            line.customer.customer_id,
            line.site.code,
            line.carrier.code,
            "USD",
            line.lot,
            line.serial,
            line.state.get(
                "shipped", line.quantity if line.really_sent is None else line.really_sent
            ),
            f"{line.unit_price:.2f}",
            iso(line.shipped_at),
            iso(line.delivered_at),
        )
        self._file.write(line.requested_at, csv_row(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def calendar_json(site: Site) -> str:
    """Opening hours and holidays: ``{"shifts": {"mon": [["06:00", "22:00"]]}, "holidays": []}``."""
    return json.dumps(
        {
            "shifts": {
                day: [list(spell) for spell in spells] for day, spells in site.shifts.items()
            },
            "holidays": [day.isoformat() for day in site.holidays],
        },
        separators=(",", ":"),
    )


def write_master_data(root: Path, catalogue: Catalogue) -> None:
    """Write all reference files that do not depend on the returns."""
    folder = root / "master"
    write_csv(
        folder / "items.csv",
        (
            "sku",
            "gtin",
            "family",
            "abc_class",
            "base_uom",
            "currency",
            "pack_factor",
            "std_cost",
            "list_price",
            "serialised",
            "lot_controlled",
            "shelf_life_d",
            "temp_sensitive",
            "hazmat",
            "regulated",
            "warranty_months",
            "primary_supplier_id",
            "valid_from",
        ),
        (
            (
                item.sku,
                item.gtin,
                item.family.name,
                item.abc,
                "EA",
                "USD",
                item.pack,
                f"{item.cost:.2f}",
                f"{item.price:.2f}",
                _flag(item.serialised),
                _flag(item.lot),
                item.family.shelf_life_d,
                _flag(item.cold),
                _flag(item.hazmat),
                _flag(item.hazmat or item.cold),
                item.family.warranty_months,
                item.contract.supplier_id,
                VALID_FROM,
            )
            for item in catalogue.items
        ),
    )
    write_csv(
        folder / "sites.csv",
        (
            "site",
            "name",
            "region",
            "time_zone",
            "wms_kind",
            "calendar",
            "posting_sla_h",
            "valid_from",
        ),
        (
            (
                site.code,
                site.name,
                site.region,
                site.time_zone,
                site.wms,
                calendar_json(site),
                site.posting_sla_h,
                VALID_FROM,
            )
            for site in SITES
        ),
    )
    write_csv(
        folder / "suppliers.csv",
        ("supplier_id", "name", "valid_from"),
        (
            (contract.supplier_id, f"Supplier {contract.supplier_id[1:]}", VALID_FROM)
            for contract in catalogue.contracts
        ),
    )
    write_csv(
        folder / "customers.csv.gz",
        (
            "customer_id",
            "segment",
            "region",
            "account_opened_on",
            "credit_terms_days",
            "valid_from",
        ),
        (
            (who.customer_id, who.segment, who.region, who.opened_on, who.terms_d, VALID_FROM)
            for who in (*catalogue.businesses, *catalogue.consumers)
        ),
    )
    write_csv(
        folder / "contracts.csv",
        (
            "contract_id",
            "supplier_id",
            "window_anchor",
            "covered_reasons",
            "freight_payer",
            "window_days",
            "credit_pct",
            "restock_pct",
            "min_claim_value",
            "field_destroy",
            "defect_allowance_pct",
            "valid_from",
        ),
        (
            (
                contract.contract_id,
                contract.supplier_id,
                contract.anchor,
                ";".join(contract.covers),
                contract.freight_payer,
                contract.window_days,
                contract.credit,
                contract.restock,
                contract.min_claim,
                _flag(contract.field_destroy),
                contract.allowance,
                VALID_FROM,
            )
            for contract in catalogue.contracts
        ),
    )


def _flag(value: bool) -> str:
    return "true" if value else "false"

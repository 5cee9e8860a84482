"""One row per return line with everything the conformance rules look at."""

from typing import Any, NewType

import numpy as np
import pandas as pd

from ingestion.lake import newest
from mining.engine import UnknownEngine, fetch_frame
from mining.log import EventLog, Moment

Lines = NewType("Lines", pd.DataFrame)
"""Index case_no; times are float64 microseconds, NaN where a stage was not reached."""

_SHEETS = ("line_requests", "line_flow", "line_books", "line_claims")
_FACTS = {
    "items": "select sku, cast(std_cost as double) as cost, cast(list_price as double) as "
    "list_price, family, serialised, lot_controlled, temp_sensitive, regulated, warranty_months, "
    "primary_supplier_id from items " + newest("items", "sku"),
    "order_lines": "select order_id, order_line, cast(unit_price as double) as original_price, "
    "cast(quantity_shipped as double) as shipped, epoch_us(delivered_at) as delivered_us, "
    "serials as shipped_serials from order_lines "
    + newest("order_lines", "order_id", "order_line"),
    "customers": "select customer_id, segment from customers " + newest("customers", "customer_id"),
    "contracts": "select contract_id, field_destroy, credit_pct, restock_pct, "
    "cast(min_claim_value as double) as min_claim from contracts "
    + newest("contracts", "contract_id"),
}


def return_lines(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> Lines:
    """The lines of a site opened in [start, end): flow, books, claims and master data.

    Shared by all that asks the log: not to be changed.
    """
    if log.engine.name != "duckdb":
        raise UnknownEngine(
            f"Conformance and causes do not run on {log.engine.name}; load the log with duckdb."
        )
    where = log.return_slice(site=site, start=start, end=end)
    return log.share(("lines", *where.values()), lambda: _gathered(log, where))


def _gathered(log: EventLog, where: dict[str, int]) -> Lines:
    log.engine.create("sum_parts", "sum_parts")
    log.engine.create("numbered_lines", "numbered_lines", **_only(where))
    cases = fetch_frame(log.engine, "slice_cases", **where).set_index("case_no")
    sheets: list[pd.DataFrame | pd.Series[Any]] = [
        fetch_frame(log.engine, name).set_index("case_no") for name in _SHEETS
    ]
    log.engine.drop("numbered_lines", "sum_parts")
    lines = cases.join(sheets)
    names = {number: name for name, number in log.sites.items()}
    lines["site"] = lines.pop("site_no").map(names).astype(object)
    lines["sku"] = lines["sku"].where(lines["sku"].notna(), lines.pop("requested_sku"))
    return Lines(_tidy(_with_facts(log, lines)))


def _only(where: dict[str, int]) -> dict[str, int]:
    return {name: where[name] for name in ("site", "from_us", "to_us")}


def _with_facts(log: EventLog, lines: pd.DataFrame) -> pd.DataFrame:
    tables = {name: log.engine.select(query).to_pandas() for name, query in _FACTS.items()}
    index = lines.index
    for name, keys in (
        ("items", ["sku"]),
        ("order_lines", ["order_id", "order_line"]),
        ("customers", ["customer_id"]),
        ("contracts", ["contract_id"]),
    ):
        texts = {key: object for key in keys}
        lines = lines.astype(texts).merge(tables[name].astype(texts), on=keys, how="left")
    lines.index = index
    return lines


def _tidy(lines: pd.DataFrame) -> pd.DataFrame:
    times = [name for name in lines if str(name).endswith(("_us", "_us_claim"))]
    numbers = [
        "authorised",
        "received",
        "credited",
        "credited_quantity",
        "largest_credit",
        "largest_credited_quantity",
        "credited_price",
        "unit_price",
        "original_price",
        "shipped",
        "cost",
        "claimed",
        "supplier_credit",
        "credit_pct",
        "restock_pct",
        "min_claim",
        "credits",
        "transfers",
        "warranty_months",
        "most_backdated_days",
        "serial_missing",
        "lot_missing",
        "dated_only",
        "refused",
        "inspected_place",
        "restocked_place",
        "quarantined_place",
        "receipt_posting_day",
        "credit_amounts",
        "least_delay_us",
    ]
    lines = lines.astype(dict.fromkeys({*map(str, times), *numbers}, "float64"))
    for flag in ("serialised", "lot_controlled", "temp_sensitive", "regulated", "field_destroy"):
        lines[flag] = lines[flag].fillna(False).astype(bool)
    for count in ("credits", "transfers", "refused"):
        lines[count] = lines[count].fillna(0.0)
    lines["policy"] = lines["policy"].where(lines["policy"].notna(), "P1")
    lines["price"] = lines["original_price"].fillna(lines["unit_price"])
    quantity = lines["received"].fillna(lines["authorised"]).fillna(1.0)
    lines["quantity"] = quantity
    lines["value"] = quantity * lines["cost"].fillna(lines["price"]).fillna(0.0)
    lines["credit"] = lines["credited"].fillna(quantity * lines["price"]).fillna(0.0)
    until = pd.to_datetime(lines["eligible_until"], utc=True, errors="coerce", format="ISO8601")
    moments = until.dt.as_unit("us").astype("int64").astype("float64")
    lines["eligible_until_us"] = moments.where(until.notna(), np.nan)
    return lines

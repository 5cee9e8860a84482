"""Read the lake into frames and items. Training only: a scorer reads its bundle."""

import duckdb
import numpy as np
import pandas as pd

from ingestion.lake import newest
from models.items import NUMBERS, Items


def read_frame(con: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    """Result of a query, through Arrow: exact types, missing values as missing."""
    frame: pd.DataFrame = con.sql(query).to_arrow_table().to_pandas()
    return frame


def read_items(con: duckdb.DuckDBPyConnection) -> Items:
    """Read the item master, newest row of each SKU, joined to its supplier's contract."""
    frame = read_frame(
        con,
        f"""
        with item as (
            select * from items {newest("items", "sku")}
        ), contract as (
            select * from contracts {newest("contracts", "supplier_id")}
        )
        select sku, coalesce(family, '') as family, coalesce(covered_reasons, '') as covers,
            std_cost, list_price, pack_factor, serialised, lot_controlled, shelf_life_days,
            temp_sensitive, hazmat, regulated, warranty_months,
            window_days as contract_window_days, credit_pct as contract_credit_share,
            restock_pct as contract_restock_share, min_claim_value as contract_min_claim,
            field_destroy as contract_field_destroy,
            defect_allowance_pct as contract_allowance_share
        from item left join contract on contract.supplier_id = item.primary_supplier_id
        order by sku
        """,
    )
    numbers = np.column_stack([frame[name].astype("float64").to_numpy() for name in NUMBERS])
    skus, families, covers = (
        tuple(frame[name].astype(str)) for name in ("sku", "family", "covers")
    )
    return Items(skus, families, covers, numbers.reshape(len(frame), len(NUMBERS)))

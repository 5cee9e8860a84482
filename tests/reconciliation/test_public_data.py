"""Real records: goods receipts against invoices, and purchases against credit notes."""

from dataclasses import replace

import pandas as pd
import pytest

from mining.reconciliation import Policy, Tolerances, reconcile_frames

YEARS = 24 * 365 * 30.0


@pytest.fixture(scope="module")
def sap(shared_data):
    folder = shared_data / "sap" / "bpi2019_sap_tables"

    def read(name):
        return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)

    def side(items, heads, number, amount):
        frame = read(items).merge(read(heads)[[number, "CPUDT", "CPUTM"]], on=number)
        when = pd.to_datetime(frame["CPUDT"] + frame["CPUTM"], format="%Y%m%d%H%M%S", utc=True)
        return pd.DataFrame(
            {
                "movement_id": frame[number],
                "line": frame["EBELN"] + ":" + frame["EBELP"],
                "quantity": frame[amount].astype(float).round(2),
                "occurred_at": when,
            }
        )

    return side("mseg", "mkpf", "MBLNR", "DMBTR"), side("rseg", "rbkp", "BELNR", "WRBTR")


def test_goods_receipts_and_invoices_agree_where_their_sums_do(sap):
    receipts, invoices = sap
    loose = Tolerances(quantity=0.02, clock_skew_h=YEARS)
    policy = Policy.load().with_keys(("line", "quantity"), ("line",), duplicates=False)
    found = reconcile_frames(receipts, invoices, policy=replace(policy, tolerances=loose))
    rows = found.movements
    assert len(rows) == len(receipts) + len(invoices)
    received = receipts.groupby("line")["quantity"].sum()
    invoiced = invoices.groupby("line")["quantity"].sum()
    both = pd.concat([received, invoiced], axis=1, keys=["received", "invoiced"])
    equal = both.index[(both["received"] - both["invoiced"]).abs() < 0.005]
    assert len(equal) > 50
    clean = rows[rows["line"].isin(equal)]
    assert set(clean["type"]) <= {"", "B12"}  # some were invoiced in another month
    assert (clean.groupby("group")["side"].nunique() == 2).all()
    only_received = both.index[both["invoiced"].isna()]
    assert set(rows.loc[rows["line"].isin(only_received), "type"]) <= {"B01", "B03"}
    gap = invoices["quantity"].sum() - receipts["quantity"].sum()
    assert sum(one.delta_quantity for one in found) == pytest.approx(gap)


def test_purchases_are_netted_with_their_full_credits(shared_data):
    full = pd.read_csv(
        shared_data / "retail" / "uci_online_retail_full.csv.gz",
        dtype=str,
        keep_default_na=False,
        usecols=["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "CustomerID", "UnitPrice"],
    )
    credit = full["InvoiceNo"].str.startswith("C")
    known = full["CustomerID"] != ""
    key = full["CustomerID"] + "|" + full["StockCode"]
    mine = full[known & key.isin(key[credit & known])]
    frame = pd.DataFrame(
        {
            "movement_id": mine["InvoiceNo"],
            "line": mine["CustomerID"],
            "sku": mine["StockCode"],
            "quantity": mine["Quantity"].astype(float),
            "unit_cost": mine["UnitPrice"].astype(float),
            "occurred_at": pd.to_datetime(mine["InvoiceDate"], utc=True),
            "reversal": mine["InvoiceNo"].str.startswith("C"),
        }
    )
    found = reconcile_frames(frame.iloc[:0], frame)
    rows = found.movements
    assert len(rows) + found.ignored == len(frame)
    netted = rows[rows["type"] == ""]
    assert netted.groupby("group")["quantity"].sum().abs().max() == 0
    assert netted.groupby("group").size().eq(2).all()
    assert {"541431", "C541433", "581483", "C581484"} <= set(netted["movement_id"])
    assert len(netted) // 2 > 2_000
    assert set(found.by_type) == {"B11", "B14"}

"""Exports of Amazon, Shopify, Odoo, ERPNext and a retailer through their mappings."""

import json

import duckdb
import pytest

from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.status import quarantined, twins

AMAZON = """return-date,order-id,sku,asin,fnsku,product-name,quantity,fulfillment-center-id,\
detailed-disposition,reason,status,license-plate-number,customer-comments
2026-07-01T08:00:00+00:00,114-1,SKU-1,B01,X01,Kettle,1,ABE3,CUSTOMER_DAMAGED,SWITCHEROO,\
Unit returned to inventory,LPN1,"not what I bought"
2026-07-02T08:00:00+00:00,114-2,SKU-2,B02,X02,Pot,1,ABE3,SELLABLE,A_NEW_REASON,Reimbursed,LPN2,
"""
ODOO = """name,state,date,product_id,product_uom_qty,product_uom,operation_id,partner_id,\
reception_move_id,reception_date,refund_id,refund_date,closed_date,order_id
RMA/0007,refunded,2026-07-01 09:00:00,[P1] Drill,2,Units,Refund,Acme,WH/IN/9,2026-07-04 10:00:00,\
RINV/3,2026-07-06 11:00:00,,S0042
RMA/0008,confirmed,2026-07-02 09:00:00,[P2] Saw,1,Units,Replace,Acme,,,,,,S0043
"""
ERPNEXT = """doctype,name,posting_date,posting_time,is_return,return_against,item_code,qty,rate,\
amount,currency,warehouse,docstatus,customer
Delivery Note,DN-R1,2026-07-01,10:00:00,1,DN-1,ITEM-1,-2,5.00,-10.00,USD,Main - C,1,Acme
Sales Invoice,SI-R1,2026-07-03,12:30:00,1,DN-1,ITEM-1,-2,5.00,-10.00,USD,Main - C,1,Acme
Sales Invoice,SI-R2,2026-07-04,12:30:00,1,DN-1,ITEM-1,-2,5.00,-10.00,USD,Main - C,2,Acme
Delivery Note,DN-2,2026-07-01,10:00:00,0,,ITEM-1,2,5.00,10.00,USD,Main - C,1,Acme
"""


def shopify(**times):
    said = {
        "id": "R-1",
        "name": "#1001-R1",
        "status": "CLOSED",
        "createdAt": "2026-07-01T08:00:00Z",
    }
    return json.dumps(
        {
            "id": "RLI1",
            "quantity": 1,
            "returnReason": "SIZE_TOO_SMALL",
            "customerNote": "too tight",
            "fulfillmentLineItem": {"lineItem": {"sku": "TEE-M"}},
            "return": said | {"order": {"name": "#1001"}} | times,
        }
    )


def take(settings, folder, name, text):
    (folder / name).write_text(text)
    return ingest(settings, [folder / name])


def rows(settings, query):
    return Lake(settings.home).connect().execute(query).fetchall()


def test_an_amazon_row_is_a_receipt_and_an_inspection(settings, tmp_path):
    counts = take(settings, tmp_path, "fba.csv", AMAZON)
    assert (counts.received, counts.accepted, counts.unmapped_activities) == (2, 2, 0)
    steps = rows(
        settings,
        "select case_id, activity, condition, reason, disposition, note from events order by all",
    )
    assert steps == [
        ("114-1:SKU-1", "Finish inspection", "COSMETIC_DAMAGE", "FULFIL.WRONG_ITEM", None,
         "not what I bought"),
        ("114-1:SKU-1", "Receive", None, "FULFIL.WRONG_ITEM", None, None),
        ("114-2:SKU-2", "Finish inspection", "NEW_SEALED", "A_NEW_REASON", None, None),
        ("114-2:SKU-2", "Receive", None, "A_NEW_REASON", None, None),
    ]  # fmt: skip


def test_a_shopify_return_line_states_its_steps(settings, tmp_path):
    text = shopify(requestApprovedAt="2026-07-01T09:00:00Z", closedAt="2026-07-09T09:00:00Z")
    take(settings, tmp_path, "returns.jsonl", text + "\n" + text.replace("RLI1", "RLI2") + "\n")
    steps = rows(
        settings,
        "select activity, reason, note from events where case_id = '#1001-R1:RLI1' "
        "order by occurred_at",
    )
    assert steps == [
        ("Request return", "CHOICE.FIT_SIZE", "too tight"),
        ("Approve return", "CHOICE.FIT_SIZE", None),
        ("Close return", "CHOICE.FIT_SIZE", None),
    ]


def test_an_odoo_rma_states_its_steps(settings, tmp_path):
    counts = take(settings, tmp_path, "rma.csv", ODOO)
    assert (counts.received, counts.accepted) == (2, 2)
    steps = rows(settings, "select case_id, activity, document_id from events order by occurred_at")
    assert steps == [
        ("RMA/0007:1", "Create RMA", "RMA/0007"),
        ("RMA/0008:1", "Create RMA", "RMA/0008"),
        ("RMA/0007:1", "Receive", "WH/IN/9"),
        ("RMA/0007:1", "Post credit memo", "RINV/3"),
    ]


def test_erpnext_notes_are_told_apart_by_kind_and_status(settings, tmp_path):
    counts = take(settings, tmp_path, "notes.csv", ERPNEXT)
    assert (counts.received, counts.accepted, counts.quarantined) == (4, 3, 1)
    assert rows(settings, "select activity, reversal_of from events order by occurred_at") == [
        ("Receive", None),
        ("Post credit memo", None),
        ("Reverse posting", "SI-R2"),
    ]
    assert [record.reason for record in quarantined(Lake(settings.home))] == ["no_event"]


RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
C536379,85123A,HOLDER,-1,2011-07-01 09:41:00,2.55,17850.0,United Kingdom
C536379,85123A,HOLDER,-1,2011-07-01 09:41:00,2.55,17850.0,United Kingdom
536414,22139,,-56,2010-12-01 11:52:00,0.0,,United Kingdom
A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom
"""


def test_credits_are_returns_and_adjustments_are_movements(settings, tmp_path):
    counts = take(settings, tmp_path, "retail.csv", RETAIL)
    assert (counts.received, counts.accepted, counts.duplicate) == (5, 5, 0)  # twins stay two
    told = rows(
        settings,
        "select activity, case_id, quantity::int, occurred_at::varchar from events order by all",
    )
    assert told == [
        ("Adjust bad debt", "A563185:B", 1, "2011-08-12 13:50:00+00"),
        ("Adjust stock", "536414:22139", -56, "2010-12-01 11:52:00+00"),
        ("Post credit memo", "C536379:85123A", -1, "2011-07-01 08:41:00+00"),
        ("Post credit memo", "C536379:85123A", -1, "2011-07-01 08:41:00+00"),
        ("Sell", "536365:85123A", 6, "2010-12-01 08:26:00+00"),
    ]
    shared = rows(
        settings,
        "select list(activity order by occurred_at) from events "
        "join event_objects using (event_id) where object_type = 'customer_item' "
        "group by object_id",
    )
    assert shared == [(["Sell", "Post credit memo", "Post credit memo"],)]
    [[objects]] = rows(settings, "select string_agg(object_id) from event_objects")
    assert "17850" not in objects  # the customer is pseudonymous there too


RETURNS_OF_PURCHASES = """
with told as (
    select activity, occurred_at, object_id
    from events join event_objects using (event_id)
    where object_type = 'customer_item'
), sold as (
    select object_id, min(occurred_at) as first_at from told where activity = 'Sell' group by 1
)
select count(*) from told join sold using (object_id)
where activity = 'Post credit memo' and first_at <= occurred_at
"""


@pytest.mark.slow
def test_the_whole_retail_file_goes_through_the_mapping(settings, shared_data):
    counts = ingest(settings, [shared_data / "retail" / "uci_online_retail_full.csv.gz"])
    assert counts.received == 541_909
    assert counts.received == counts.accepted + counts.quarantined
    told = dict(rows(settings, "select activity, count(*) from events group by 1"))
    assert told["Post credit memo"] == 9_288
    assert told["Adjust stock"] == 1_336
    assert told["Adjust bad debt"] == 3
    [[notes]] = rows(
        settings,
        "select count(distinct document_id) from events where activity = 'Post credit memo'",
    )
    assert notes == 3_836
    # credits follow purchases: as many as a published join of the same file finds
    derived = shared_data / "retail" / "uci_derived_return_lines.csv.gz"
    [[published]] = duckdb.sql(
        f"select count(purchase_invoice) from read_csv('{derived}', all_varchar=true)"
    ).fetchall()
    [[followed]] = rows(settings, RETURNS_OF_PURCHASES)
    assert followed == published == 7_599
    assert [found.events for found in twins(Lake(settings.home))] == [5_268]  # equal lines stay two
    # the two famous pairs, each bought and credited again, stay the extremes of the lake
    extremes = rows(
        settings, "select quantity::int from events order by abs(quantity) desc, quantity limit 4"
    )
    assert [quantity for [quantity] in extremes] == [-80_995, 80_995, -74_215, 74_215]

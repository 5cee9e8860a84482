"""One return line that keeps every rule, and the change that breaks each of the 32."""

import json
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pyarrow as pa

from ingestion.schema import REFERENCE
from mining import conformance, load

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
DROP = None

ITEM = {
    "sku": "S1",
    "std_cost": 8.0,
    "list_price": 12.0,
    "family": "home",
    "serialised": True,
    "lot_controlled": True,
    "temp_sensitive": True,
    "regulated": False,
    "warranty_months": 12,
    "primary_supplier_id": "V1",
    "valid_from": None,
}
ORDER = {
    "order_id": "O1",
    "order_line": "1",
    "unit_price": 10.0,
    "quantity_shipped": 2.0,
    "delivered_at": T0 - timedelta(days=9),
    "serials": "N1;N2",
    "valid_from": None,
}
CONTRACT = {
    "contract_id": "K1",
    "field_destroy": False,
    "credit_pct": 0.9,
    "restock_pct": 0.1,
    "min_claim_value": 5.0,
    "valid_from": None,
}
CUSTOMER = {"customer_id": "B1", "segment": "B2B", "valid_from": None}

BASE = {  # activity: (hours after the request, fields)
    "Request return": (
        0,
        {
            "extras": {"policy": "P1", "customer_id": "B1", "order_line": "1", "unit_price": "10"},
            "reason": "CHOICE.UNWANTED",
        },
    ),
    "Create RMA": (1, {"extras": {"quantity_authorised": "2"}}),
    "Sync RMA": (1.1, {}),
    "Arrive": (72, {}),
    "Receive": (
        72.5,
        {"quantity": 2, "serial": "N1", "lot": "L1", "actor": "ann", "document_id": "w1"},
    ),
    "Post goods receipt": (
        72.6,
        {
            "quantity": 2,
            "document_id": "m1",
            "actor_type": "system",
            "inventory_status": "RETURNS_HOLD",
        },
    ),
    "Finish inspection": (
        73,
        {"actor": "bob", "condition": "NEW_SEALED", "serial": "N1", "reason": "CHOICE.UNWANTED"},
    ),
    "Decide disposition": (73.5, {"actor": "cid", "disposition": "RESTOCK"}),
    "Execute disposition": (74, {"actor": "ann", "disposition": "RESTOCK", "document_id": "w2"}),
    "Post stock transfer": (
        74.1,
        {
            "quantity": 2,
            "disposition": "RESTOCK",
            "document_id": "m2",
            "inventory_status": "AVAILABLE",
            "actor_type": "system",
        },
    ),
    "Approve credit": (75, {"actor": "dan"}),
    "Post credit memo": (
        76,
        {
            "quantity": 2,
            "amount": 17.0,
            "document_id": "c1",
            "financial_outcome": "CREDIT_LESS_FEE",
            "actor_type": "system",
        },
    ),
    "Close return": (96, {"actor_type": "system"}),
}
CLAIM = {
    "Determine supplier eligibility": (
        73.6,
        {
            "extras": {
                "eligible": "true",
                "contract_id": "K1",
                "eligible_until": "2026-03-20T00:00:00Z",
            }
        },
    ),
    "File supplier claim": (80, {"amount": 14.4, "extras": {"contract_id": "K1"}}),
    "Receive supplier answer": (200, {"extras": {"answer": "AUTHORISED"}}),
    "Confirm supplier delivery": (300, {}),
    "Receive supplier credit": (500, {"amount": 12.96}),
}


def line(changes=(), *, case="R1:1", claim=False, more=()):
    """The base line with some activities moved, edited or dropped, and some added."""
    changes = dict(changes)
    events = {**BASE, **(CLAIM if claim else {})}
    rows = []
    for name, (at, said) in [*events.items(), *more]:
        moved, edits = None, {}
        if name in changes and (name, (at, said)) not in more:
            if changes[name] is DROP:
                continue
            moved, edits = changes[name]
        hours, fields = at if moved is None else moved, {**said, **edits}
        extras = fields.get("extras")
        rows.append(
            {
                "case_id": case,
                "activity": name,
                "occurred_at": T0 + timedelta(hours=hours),
                "sku": "S1",
                "site": "DC1",
                "actor_type": "human",
                "quantity": None,
                "actor": None,
                "posting_date": (T0 + timedelta(hours=hours)).date(),
                **fields,
                "extras": json.dumps(extras) if extras else None,
            }
        )
    return rows


def judge(rows, *, item=(), order=(), policy=None, as_of=None, site=()):
    frame = pd.DataFrame(rows)
    for column in (
        "amount",
        "serial",
        "lot",
        "reason",
        "condition",
        "disposition",
        "financial_outcome",
        "inventory_status",
        "document_id",
        "reversal_of",
        "recorded_at",
        "confidence",
    ):
        if column not in frame:
            frame[column] = None
    frame["quantity"] = frame["quantity"].astype(float)
    frame["amount"] = frame["amount"].astype(float)
    frame["recorded_at"] = pd.to_datetime(frame["recorded_at"], utc=True)
    frame["event_id"] = [f"e{n}" for n in range(len(frame))]
    asked = frame["activity"] == "Request return"
    objects = pd.DataFrame(
        {"event_id": frame["event_id"][asked], "object_type": "order", "object_id": "O1"}
    )
    log = load(frame, objects=objects, as_of=as_of)
    for table, row in (
        ("items", {**ITEM, **dict(item)}),
        ("order_lines", {**ORDER, **dict(order)}),
        ("contracts", CONTRACT),
        ("customers", CUSTOMER),
    ):
        whole = {**dict.fromkeys(REFERENCE[table].names), **row}
        log.engine.register(table, pa.Table.from_pylist([whole]))
    return conformance(log, policy=policy)


def broken(found):
    return set(found.violations["rule"])


NEXT_MONTH = {"posting_date": date(2026, 4, 1)}
CASES = {
    "C01": dict(rows=line({"Post credit memo": (50, {})})),
    "C02": dict(rows=line({"Post credit memo": (72.7, {})})),
    "C03": dict(
        rows=line(
            {"Create RMA": (200, {}), "Sync RMA": (201, {})},
            more=[("Match blind receipt", (210, {}))],
        )
    ),
    "C04": dict(rows=line({"Sync RMA": DROP})),
    "C05": dict(
        rows=line(
            {
                "Receive": (None, {"quantity": 3}),
                "Post credit memo": (None, {"quantity": 3, "amount": 25.5}),
            }
        )
    ),
    "C06": dict(rows=line({"Receive": (None, {"quantity": 1})})),
    "C07": dict(rows=line({"Finish inspection": DROP})),
    "C08": dict(rows=line({"Decide disposition": (None, {"disposition": "SCRAP"})})),
    "C09": dict(rows=line({"Post stock transfer": (200, {})})),
    "C10": dict(rows=line({"Receive": DROP, "Arrive": DROP})),
    "C11": dict(rows=line({"Receive": (None, {"serial": None})})),
    "C12": dict(
        rows=line(
            {"Receive": (None, {"serial": "N9"}), "Finish inspection": (None, {"serial": "N9"})}
        )
    ),
    "C13": dict(
        rows=[
            *line(),
            *line(
                {
                    "Receive": (None, {"serial": "N7"}),
                    "Finish inspection": (None, {"serial": "N7"}),
                },
                case="R2:1",
            ),
            *line(
                {"Receive": (80, {"serial": "N7"}), "Finish inspection": (None, {"serial": "N7"})},
                case="R3:1",
            ),
        ]
    ),
    "C14": dict(rows=line({"Receive": (None, {"lot": None})})),
    "C15": dict(
        rows=line(
            more=[
                (
                    "Post credit memo",
                    (
                        99,
                        {
                            "quantity": 2,
                            "amount": 17.0,
                            "document_id": "c2",
                            "actor_type": "system",
                        },
                    ),
                )
            ]
        )
    ),
    "C16": dict(rows=line({"Post credit memo": (None, {"amount": 26.0})})),
    "C17": dict(rows=line(), order={"quantity_shipped": 1.0}),
    "C18": dict(rows=line(), order={"delivered_at": T0 - timedelta(days=90)}),
    "C19": dict(
        rows=line(
            {"Post credit memo": (None, {"amount": 20.0, "financial_outcome": "CREDIT_FULL"})}
        )
    ),
    "C20": dict(rows=line({"Decide disposition": (None, {"actor": "bob"})})),
    "C21": dict(
        rows=line(
            {
                "Approve credit": (None, {"actor_type": "system"}),
                "Post credit memo": (None, {"amount": 501.0}),
            }
        ),
        order={"unit_price": 300.0},
    ),
    "C22": dict(
        rows=line(
            more=[
                ("Decide disposition", (73.7, {"disposition": "NO_RETURN", "actor_type": "system"}))
            ]
        )
    ),
    "C23": dict(
        rows=line(
            {
                "Request return": (
                    None,
                    {
                        "extras": {
                            "policy": "P4",
                            "customer_id": "B1",
                            "order_line": "1",
                            "unit_price": "10",
                        }
                    },
                )
            }
        )
    ),
    "C24": dict(
        rows=line(
            {"Post stock transfer": (400, {})},
            more=[
                (
                    "Post stock transfer",
                    (
                        74.1,
                        {
                            "quantity": 2,
                            "disposition": "QUARANTINE",
                            "inventory_status": "QUARANTINE",
                            "document_id": "m0",
                        },
                    ),
                )
            ],
        )
    ),
    "C25": dict(rows=line({"Execute disposition": (77, {}), "Post stock transfer": (77.1, {})})),
    "C26": dict(rows=line({"Arrive": (50, {})})),
    "C27": dict(
        rows=line(
            {
                "File supplier claim": DROP,
                "Receive supplier answer": DROP,
                "Confirm supplier delivery": DROP,
                "Receive supplier credit": DROP,
            },
            claim=True,
            more=[("Notify customer", (600, {}))],
        )
    ),
    "C28": dict(
        rows=line({"Post stock transfer": (None, {"inventory_status": "SCRAPPED"})}, claim=True)
    ),
    "C29": dict(rows=line({"Receive supplier credit": (None, {"amount": 9.0})}, claim=True)),
    "C30": dict(rows=line({"Post goods receipt": (None, NEXT_MONTH)})),
    "C31": dict(rows=line({"Post credit memo": (None, {"posting_date": date(2026, 2, 20)})})),
    "C32": dict(rows=line({"Close return": (75.5, {})})),
}

"""Arrow schemas of the lake: one fact table, its object links, and what counts and describes it."""

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(18, 4)
QUANTITY = pa.decimal128(18, 6)


def _strings(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string()) for name in names]


EVENTS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("activity", pa.string(), nullable=False),
        pa.field("occurred_at", TIME, nullable=False),
        pa.field("recorded_at", TIME),
        pa.field("ingested_at", TIME, nullable=False),
        *_strings("source", "site", "actor", "actor_type"),
        pa.field("source_seq", pa.int64()),
        pa.field("sku", pa.string()),
        pa.field("quantity", QUANTITY),
        pa.field("uom", pa.string()),
        pa.field("quantity_original", QUANTITY),
        pa.field("uom_original", pa.string()),
        pa.field("amount", MONEY),
        *_strings("currency", "reason", "condition", "disposition", "financial_outcome"),
        *_strings("inventory_status", "location", "lot", "serial"),
        pa.field("posting_date", pa.date32()),
        *_strings("document_id", "reversal_of", "message_id", "note", "confidence"),
        pa.field("delivery_id", pa.string(), nullable=False),
        pa.field("extras", pa.string()),
    ]
)

EVENT_OBJECTS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("object_type", pa.string(), nullable=False),
        pa.field("object_id", pa.string(), nullable=False),
        pa.field("qualifier", pa.string()),
        pa.field("delivery_id", pa.string(), nullable=False),
    ]
)

COUNTS = pa.struct(
    [
        pa.field("site", pa.string()),
        pa.field("day", pa.date32()),
        pa.field("received", pa.int64()),
        pa.field("accepted", pa.int64()),
        pa.field("duplicate", pa.int64()),
        pa.field("quarantined", pa.int64()),
    ]
)

DELIVERIES = pa.schema(
    [
        pa.field("arrival_id", pa.string(), nullable=False),
        pa.field("delivery_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        *_strings("name", "sha256", "mapping", "mapping_digest"),
        pa.field("arrival_no", pa.int64(), nullable=False),
        pa.field("arrived_at", TIME, nullable=False),
        pa.field("table", pa.string(), nullable=False),
        pa.field("repeat", pa.bool_(), nullable=False),
        pa.field("received", pa.int64(), nullable=False),
        pa.field("accepted", pa.int64(), nullable=False),
        pa.field("duplicate", pa.int64(), nullable=False),
        pa.field("quarantined", pa.int64(), nullable=False),
        pa.field("events", pa.int64(), nullable=False),
        pa.field("unmapped_activities", pa.int64(), nullable=False),
        pa.field("counts", pa.list_(COUNTS)),
        pa.field("replays", pa.list_(pa.string())),
        pa.field("replay_of", pa.string()),
    ]
)

QUARANTINE = pa.schema(
    [
        pa.field("quarantine_id", pa.string(), nullable=False),
        pa.field("delivery_id", pa.string(), nullable=False),
        *_strings("source", "site"),
        pa.field("day", pa.date32()),
        *_strings("reason", "detail", "pointer"),
        pa.field("raw", pa.binary()),
        pa.field("attempts", pa.int64(), nullable=False),
        pa.field("quarantined_at", TIME, nullable=False),
    ]
)

_VALIDITY = [pa.field("valid_from", TIME), pa.field("delivery_id", pa.string(), nullable=False)]

REFERENCE: dict[str, pa.Schema] = {
    "items": pa.schema(
        [
            pa.field("sku", pa.string(), nullable=False),
            *_strings("gtin", "family", "abc_class", "base_uom", "currency"),
            pa.field("pack_factor", pa.int64()),
            pa.field("std_cost", MONEY),
            pa.field("list_price", MONEY),
            pa.field("serialised", pa.bool_()),
            pa.field("lot_controlled", pa.bool_()),
            pa.field("shelf_life_days", pa.int64()),
            pa.field("temp_sensitive", pa.bool_()),
            pa.field("hazmat", pa.bool_()),
            pa.field("regulated", pa.bool_()),
            pa.field("warranty_months", pa.int64()),
            pa.field("primary_supplier_id", pa.string()),
            *_VALIDITY,
        ]
    ),
    "sites": pa.schema(
        [
            pa.field("site", pa.string(), nullable=False),
            *_strings("name", "region", "time_zone", "wms_kind", "calendar"),
            pa.field("posting_sla_h", pa.float64()),
            *_VALIDITY,
        ]
    ),
    "suppliers": pa.schema(
        [pa.field("supplier_id", pa.string(), nullable=False), *_strings("name"), *_VALIDITY]
    ),
    "customers": pa.schema(
        [
            pa.field("customer_id", pa.string(), nullable=False),
            *_strings("segment", "region"),
            pa.field("account_opened_on", pa.date32()),
            pa.field("credit_terms_days", pa.int64()),
            *_VALIDITY,
        ]
    ),
    "order_lines": pa.schema(
        [
            pa.field("order_id", pa.string(), nullable=False),
            pa.field("order_line", pa.string(), nullable=False),
            *_strings("sku", "customer_id", "site", "carrier", "currency", "lots", "serials"),
            pa.field("quantity_shipped", QUANTITY),
            pa.field("unit_price", MONEY),
            pa.field("shipped_at", TIME),
            pa.field("delivered_at", TIME),
            *_VALIDITY,
        ]
    ),
    "contracts": pa.schema(
        [
            pa.field("contract_id", pa.string(), nullable=False),
            *_strings("supplier_id", "window_anchor", "covered_reasons", "freight_payer"),
            pa.field("window_days", pa.int64()),
            pa.field("credit_pct", pa.float64()),
            pa.field("restock_pct", pa.float64()),
            pa.field("min_claim_value", MONEY),
            pa.field("field_destroy", pa.bool_()),
            pa.field("defect_allowance_pct", pa.float64()),
            *_VALIDITY,
        ]
    ),
}

TABLES: dict[str, pa.Schema] = {
    "events": EVENTS,
    "event_objects": EVENT_OBJECTS,
    "deliveries": DELIVERIES,
    "quarantine": QUARANTINE,
    **REFERENCE,
}


def sql_type(kind: pa.DataType) -> str:
    """Name of an Arrow type of this schema in SQL."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    if pa.types.is_list(kind):
        return sql_type(kind.value_type) + "[]"
    if pa.types.is_struct(kind):
        return "struct(" + ", ".join(f'"{part.name}" {sql_type(part.type)}' for part in kind) + ")"
    return _SQL_TYPES[kind]


_SQL_TYPES = {
    TIME: "timestamptz",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.binary(): "blob",
    pa.string(): "varchar",
}

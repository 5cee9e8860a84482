"""Movements, postings and money as the lake tells them, ready to be reconciled."""

from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from ingestion.lake import newest
from mining.engine import DuckDBEngine

_BULK_UNITS: Final = "('KG', 'G', 'LB', 'L', 'ML', 'GAL', 'M')"

_MESSAGES: Final = """
select message_id, max_by(activity, (occurred_us, source_seq)) as state,
    max_by(get_json_object(extras, '$.error'), (occurred_us, source_seq))
        filter (where get_json_object(extras, '$.error') is not null) as error
from log_events
where message_id is not null and activity in ('Message failed', 'Message dead-lettered',
    'Message received', 'Message replayed') and occurred_us <= {known_us}
    and coalesce(recorded_us, occurred_us) <= {known_us}
group by message_id
"""

_ITEM_FACTS: Final = """
select sku, family, cast(std_cost as double) as unit_cost,
    cast(pack_factor as double) as pack_factor, base_uom in {bulk} as bulk
from items
""" + newest("items", "sku")

_MOVED: Final = """
select coalesce(e.document_id, e.event_id) as movement_id, e.message_id as reference,
    e.case_id as line, e.sku, e.lot, e.serial, e.source as channel, i.family, m.error,
    case when e.activity = 'Receive' then 'receipt' else 'transfer' end as kind,
    e.inventory_status as status, e.location, e.site, e.quantity,
    i.unit_cost, i.pack_factor, coalesce(i.bulk, false) as bulk,
    make_timestamp(e.occurred_us) at time zone 'UTC' as occurred_at,
    make_timestamp(coalesce(e.recorded_us, e.occurred_us)) at time zone 'UTC' as recorded_at,
    e.reversal_of, coalesce(m.state in ('Message failed', 'Message dead-lettered'), false) as failed
from log_events e
left join item_facts i on i.sku = e.sku
left join message_states m on m.message_id = e.message_id
where e.activity in ('Receive', 'Execute disposition') and e.quantity is not null
    and coalesce(e.recorded_us, e.occurred_us) <= {known_us}
"""

_POSTED: Final = """
with original as (
    select document_id, max(activity) as activity from log_events
    where activity in ('Post goods receipt', 'Post stock transfer') and document_id is not null
    group by document_id
)
select coalesce(e.document_id, e.event_id) as movement_id, e.message_id as reference,
    get_json_object(e.extras, '$.wms_document_id') as document,
    nullif(e.case_id, e.document_id) as line, e.sku, e.lot, e.serial, e.source as channel, i.family,
    case coalesce(o.activity, e.activity)
        when 'Post goods receipt' then 'receipt' when 'Post stock transfer' then 'transfer'
        else case when e.disposition is null then 'receipt' else 'transfer' end end as kind,
    e.inventory_status as status, e.location, e.site,
    case when e.activity = 'Reverse posting' then -abs(e.quantity) else e.quantity end as quantity,
    case when e.activity = 'Reverse posting' then -abs(e.amount) else e.amount end as value,
    e.activity = 'Reverse posting' as reversal, e.reversal_of, i.unit_cost, i.pack_factor,
    make_timestamp(e.occurred_us) at time zone 'UTC' as occurred_at,
    make_timestamp(coalesce(e.recorded_us, e.occurred_us)) at time zone 'UTC' as recorded_at,
    date '1970-01-01' + cast(e.posting_day as integer) as posting_date
from log_events e
left join item_facts i on i.sku = e.sku
left join original o on o.document_id = e.reversal_of
where e.activity in ('Post goods receipt', 'Post stock transfer', 'Reverse posting')
    and e.quantity is not null and e.financial_outcome is null
    and coalesce(e.recorded_us, e.occurred_us) <= {known_us}
"""

_ASKED: Final = """
with asked as (
    select case_id as line, max(site) as site, max(sku) as sku,
        coalesce(min(event_id) filter (where activity = 'Request return'), min(event_id))
            as event_id,
        max(quantity) as requested,
        max(get_json_object(extras, '$.policy')) as policy,
        max(get_json_object(extras, '$.order_line')) as order_line,
        max(try_cast(get_json_object(extras, '$.unit_price') as double)) as asked_price
    from log_events where activity in ('Request return', 'Create RMA') and {known}
    group by case_id
)
select a.*, o.object_id as order_id
from asked a
left join (
    select event_id, max(object_id) as object_id from event_objects
    where object_type = 'order' group by event_id
) o on o.event_id = a.event_id
"""

_LINES: Final = """
with authorised as (
    select case_id as line,
        max(try_cast(get_json_object(extras, '$.quantity_authorised') as double)) as authorised
    from log_events where activity = 'Create RMA' and {known} group by case_id
),
found as (
    select case_id as line, max_by("condition", (occurred_us, source_seq)) as condition
    from log_events
    where activity = 'Finish inspection' and "condition" is not null and {known}
    group by case_id
),
sold as (
    select a.line, max(cast(l.unit_price as double)) as order_price
    from return_lines a
    join order_lines l on l.order_id = a.order_id and l.order_line = a.order_line
    group by a.line
)
select a.line, a.site, a.sku, a.requested, a.policy, u.authorised, f.condition,
    coalesce(s.order_price, a.asked_price) as unit_price
from return_lines a
left join authorised u on u.line = a.line
left join sold s on s.line = a.line
left join found f on f.line = a.line
"""

_CREDITS: Final = """
select e.case_id as line, e.document_id, e.activity = 'Reverse posting' as reversal, e.reversal_of,
    e.site, e.sku, e.quantity, e.amount, e.financial_outcome as outcome,
    make_timestamp(e.occurred_us) at time zone 'UTC' as occurred_at
from log_events e
where e.activity in ('Post credit memo', 'Reverse posting') and e.document_id is not null
    and (e.activity = 'Post credit memo' or e.financial_outcome is not null) and {known}
"""

_CLAIMS: Final = """
with terms as (
    select contract_id, max(restock_pct) as restock_pct from contracts group by contract_id
)
select e.document_id as claim_id, e.case_id as line, e.activity, e.site, e.sku, e.quantity,
    e.amount, get_json_object(e.extras, '$.answer') as answer,
    get_json_object(e.extras, '$.denial_code') as denial_code,
    get_json_object(e.extras, '$.supplier_id') as supplier_id,
    get_json_object(e.extras, '$.eligible_until') as eligible_until, t.restock_pct,
    make_timestamp(e.occurred_us) at time zone 'UTC' as occurred_at
from log_events e left join terms t on t.contract_id = get_json_object(e.extras, '$.contract_id')
where e.activity in ('File supplier claim', 'Receive supplier answer', 'Ship to supplier',
    'Confirm supplier delivery', 'Receive supplier credit', 'Close supplier claim')
    and e.document_id is not null and {known}
"""

_ELIGIBLE: Final = """
select e.case_id as line, e.site, e.sku, max(e.amount) as amount,
    max(get_json_object(e.extras, '$.eligible_until')) as eligible_until,
    max(get_json_object(e.extras, '$.contract_id')) as contract_id,
    make_timestamp(min(e.occurred_us)) at time zone 'UTC' as occurred_at
from log_events e
where e.activity = 'Determine supplier eligibility'
    and get_json_object(e.extras, '$.eligible_until') is not null and {known}
group by e.case_id, e.site, e.sku
"""

_STAGES: Final = """
select case_id as line, max(site) as site, max(sku) as sku,
    {received} as received, {graded} as graded, {dispositioned} as dispositioned
from log_events where {known} and activity in ('Request return', 'Create RMA', 'Receive',
    'Finish inspection', 'Execute disposition', 'Post credit memo')
group by case_id
"""

_HANDLED: Final = """
case when count(*) filter (where activity = '{0}') = 0 then null
    when sum(quantity) filter (where activity = '{0}')
        <= coalesce(sum(quantity) filter (where activity = 'Receive'), 0)
    then sum(quantity) filter (where activity = '{0}')
    else max(quantity) filter (where activity = '{0}') end
"""

_OBLIGATIONS: Final = """
with dropped as (
    select case_id as line, max(occurred_us) as dropped_us from log_events
    where activity in ('Reject return', 'Cancel return', 'Expire return') and {known}
        and case_id not in (
            select case_id from log_events
            where activity in ('Receive', 'Post credit memo') and {known}
        )
    group by case_id
)
select e.case_id as line, max(e.site) as site, max(e.sku) as sku, max(i.unit_cost) as unit_cost,
    sum(e.quantity) filter (where e.activity = 'Receive') as received,
    make_timestamp(min(e.occurred_us) filter (where e.activity = 'Create RMA'))
        at time zone 'UTC' as authorised_at,
    make_timestamp(min(e.occurred_us) filter (where e.activity = 'Receive'))
        at time zone 'UTC' as received_at,
    make_timestamp(max(d.dropped_us)) at time zone 'UTC' as dropped_at
from log_events e
left join item_facts i on i.sku = e.sku
left join dropped d on d.line = e.case_id
where e.activity in ('Request return', 'Create RMA', 'Receive', 'Post credit memo') and {known}
group by e.case_id
"""

_WRITE_OFFS: Final = """
with reasons as (
    select case_id as line, max_by(reason, (occurred_us, source_seq)) as reason
    from log_events where reason is not null and {known} group by case_id
)
select e.case_id as line, e.document_id, e.site, e.quantity, e.quantity * i.unit_cost as amount,
    r.reason, make_timestamp(e.occurred_us) at time zone 'UTC' as occurred_at
from log_events e
left join item_facts i on i.sku = e.sku
left join reasons r on r.line = e.case_id
where e.activity = 'Execute disposition' and e.quantity is not null and {known}
    and e.disposition in ('SCRAP', 'DONATE', 'LIQUIDATE', 'FIELD_DESTROY_FOR_CREDIT')
"""


class Records:
    """What the lake knew at one moment, as Arrow tables.

    Parameters
    ----------
    engine : DuckDBEngine
        Holds ``log_events`` and the lake's reference tables (absent ones count as empty).
    known_us : int
        Only what was recorded up to then, microseconds.
    """

    def __init__(self, engine: DuckDBEngine, known_us: int) -> None:
        self._engine = engine
        self._said: dict[str, Any] = {
            "known_us": int(known_us),
            "known": f"coalesce(recorded_us, occurred_us) <= {int(known_us)}",
            "bulk": _BULK_UNITS,
        }
        for name, columns in _REFERENCE.items():
            if not exists(engine, name):
                engine.register(name, pa.schema(columns).empty_table())
        engine.create_as("item_facts", self._fill(_ITEM_FACTS))
        engine.create_as("message_states", self._fill(_MESSAGES))

    def _fill(self, text: str) -> str:
        return text.format(**self._said)

    def _read(self, text: str) -> pa.Table:
        return self._engine.select(self._fill(text))

    @cached_property
    def moved(self) -> pa.Table:
        """Warehouse movements: receipts and what each disposition moved."""
        return self._read(_MOVED)

    @cached_property
    def posted(self) -> pa.Table:
        """Stock postings of the ERP, reversals negative."""
        return self._read(_POSTED)

    def lines(self) -> pa.Table:
        """Return lines: what was asked for, authorised, and the price it was sold at.

        What comes without being announced (a blind receipt) is described by its RMA alone.
        """
        # in two steps: joined at once, a planner may begin with the line number alone
        self._engine.create_as("return_lines", self._fill(_ASKED))
        return self._read(_LINES)

    def credits(self) -> pa.Table:
        """Credit memos and their reversals."""
        return self._read(_CREDITS)

    def claims(self) -> pa.Table:
        """Steps of supplier claims."""
        return self._read(_CLAIMS)

    def stages(self) -> pa.Table:
        """Units of each return line received, graded and dispositioned; null: not there yet."""
        names = {"graded": "Finish inspection", "dispositioned": "Execute disposition"}
        said = {stage: _HANDLED.format(activity) for stage, activity in names.items()}
        said["received"] = "sum(quantity) filter (where activity = 'Receive')"
        return self._engine.select(_STAGES.format(**self._said, **said))

    def obligations(self) -> pa.Table:
        """When each line was authorised, received or dropped, and what its units cost."""
        return self._read(_OBLIGATIONS)

    def write_offs(self) -> pa.Table:
        """Units scrapped, given away or sold off, and the reason they had come back for."""
        return self._read(_WRITE_OFFS)

    def eligible(self) -> pa.Table:
        """Lines a supplier owes something for."""
        return self._read(_ELIGIBLE)


_REFERENCE: Final[dict[str, list[tuple[str, pa.DataType]]]] = {
    "items": [
        *((name, pa.string()) for name in ("sku", "family", "base_uom", "delivery_id")),
        *((name, pa.float64()) for name in ("std_cost", "pack_factor")),
        ("valid_from", pa.timestamp("us", tz="UTC")),
    ],
    "order_lines": [
        *((name, pa.string()) for name in ("order_id", "order_line")),
        ("unit_price", pa.float64()),
    ],
    "event_objects": [(name, pa.string()) for name in ("event_id", "object_type", "object_id")],
    "contracts": [("contract_id", pa.string()), ("restock_pct", pa.float64())],
}


def exists(engine: DuckDBEngine, name: str) -> bool:
    """Whether a relation is there."""
    rows = engine.select(
        f"select count(*) as n from information_schema.tables where table_name = '{name}'"
    )
    return bool(rows["n"][0].as_py())

-- Events of the slice's lines in order. Those known to the day only carry their estimated time;
-- a posting that was reversed later is undone, one summed over lines counts for each with its part.
-- Places are given to keys alone, so that nothing else is sorted.
with places as (
    select
        *,
        row_number() over (
            partition by case_no order by at_us, source_seq, event_key
        ) as place
    from (
        select
            cases.case_no, events.event_key, events.source_seq,
            coalesce(spread.at_us, events.occurred_us) as at_us,
            case when spread.at_us is null then 0 else 1 end as dated,
            parts.quantity as part_quantity, parts.share
        from log_events as events
        left join sum_parts as parts on events.event_key = parts.event_key
        join cases on coalesce(parts.case_id, events.case_id) = cases.case_id
        left join spread_events as spread on events.event_key = spread.event_key
        where cases.first_us >= ${from_us} and cases.first_us < ${to_us}
            and (${site} < 0 or cases.site_no = ${site})
    ) as timed
)
select
    places.case_no, places.at_us, places.dated, places.place,
    case when reversed.reversal_of is null then 0 else 1 end as undone,
    case when events.actor_type = 'human' then 1 else 0 end as human,
    case when events.disposition in ('PENDING', 'REFURBISH', 'QUARANTINE', 'CUSTOMER_DISPUTE')
        then 1 else 0 end as interim,
    events.activity, coalesce(places.part_quantity, events.quantity) as quantity,
    events.amount * coalesce(places.share, 1) as amount, events.reason,
    events.condition, events.disposition, events.financial_outcome, events.inventory_status,
    events.extras,
    coalesce(places.part_quantity, events.quantity) * items.std_cost as value
from log_events as events
join places on events.event_key = places.event_key
left join item_costs as items on events.sku = items.sku
left join (
    select distinct reversal_of from log_events where reversal_of is not null
) as reversed on events.document_id = reversed.reversal_of

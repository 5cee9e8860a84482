-- Events of the slice's lines with their place in the line and whether they were reversed later; a
-- posting summed over lines counts for each with its part. Places are given to keys alone, so that
-- nothing else is sorted.
with places as (
    select
        cases.case_no,
        events.event_key,
        parts.quantity as part_quantity,
        parts.share,
        row_number() over (
            partition by cases.case_no
            order by events.occurred_us, events.source_seq, events.event_key
        ) as place
    from log_events as events
    left join sum_parts as parts on events.event_key = parts.event_key
    join cases on coalesce(parts.case_id, events.case_id) = cases.case_id
    where events.activity not in ('Message produced', 'Message received', 'Message retried',
            'Message failed', 'Message dead-lettered', 'Message replayed',
            'Message duplicate ignored')
        and cases.first_us >= ${from_us} and cases.first_us < ${to_us}
        and (${site} < 0 or cases.site_no = ${site})
)
select
    places.case_no,
    places.place,
    case when reversed.reversal_of is null then 0 else 1 end as undone,
    events.event_id, events.activity, events.occurred_us, events.recorded_us, events.actor,
    events.actor_type, events.sku, coalesce(places.part_quantity, events.quantity) as quantity,
    events.amount * coalesce(places.share, 1) as amount, events.reason,
    events.condition, events.disposition, events.financial_outcome, events.inventory_status,
    events.lot, events.serial, events.posting_day, events.document_id, events.confidence,
    events.extras
from log_events as events
join places on events.event_key = places.event_key
left join (
    select distinct reversal_of from log_events where reversal_of is not null
) as reversed on events.document_id = reversed.reversal_of

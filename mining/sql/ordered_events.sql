-- The one place that orders a case: (occurred_at, source_seq, event_id).
select
    case_no,
    cast(row_number() over in_case as integer) as position,
    activity_no as source,
    lead(activity_no) over in_case as target,
    site_no,
    occurred_us,
    (lead(occurred_us) over in_case) - occurred_us as duration_us,
    source_seq,
    event_key
from encoded_events
window in_case as (partition by case_no order by occurred_us, source_seq, event_key)

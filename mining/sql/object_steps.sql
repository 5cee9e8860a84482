-- A row per object and directly-follows pair of its events, ordered as cases are: so are the numbers
-- of events.
select
    type_no, object_no, event_no,
    activity_no as source,
    lead(activity_no) over in_object as target,
    lead(event_no) over in_object as next_no,
    (lead(occurred_us) over in_object) - occurred_us as duration_us,
    lag(event_no) over in_object as former_no
from object_events
window in_object as (partition by object_no order by event_no)

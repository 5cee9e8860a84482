-- Process events of the slice with a number each.
select
    log_events.event_id, log_events.activity, log_events.occurred_us, log_events.source_seq,
    log_events.event_key,
    row_number() over (order by log_events.occurred_us, log_events.source_seq,
        log_events.event_key, log_events.event_id) as event_no
from log_events
join activity_names on log_events.activity = activity_names.activity
where log_events.event_id is not null

-- Hours from what happened to a line until its source had recorded it, on average over its steps.
-- What is known to the day only says nothing about hours.
select
    events.case_id,
    avg(events.recorded_us - events.occurred_us) / 3600e6 as hours
from log_events as events
join activity_names on events.activity = activity_names.activity
where events.recorded_us is not null
    and (events.confidence is null or events.confidence <> 'inferred')
group by events.case_id

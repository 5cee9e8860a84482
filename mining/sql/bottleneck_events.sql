-- Steps of the slice's lines: who did them, where, and whether a person did.
select
    cases.case_id,
    cases.site_no,
    events.activity,
    events.actor as resource,
    case when events.actor_type = 'human' then 1 else 0 end as human,
    events.occurred_us as end_us,
    events.source_seq,
    case when events.confidence = 'inferred' then 1 else 0 end as dated_only
from log_events as events
join cases on events.case_id = cases.case_id
where events.activity not in ('Message produced', 'Message received', 'Message retried',
        'Message failed', 'Message dead-lettered', 'Message replayed',
        'Message duplicate ignored', 'Notify customer')
    and cases.first_us >= ${from_us} and cases.first_us < ${to_us}
    and (${site} < 0 or cases.site_no = ${site})
order by cases.case_no, events.occurred_us, events.source_seq, events.event_key

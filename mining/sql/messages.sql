-- One row per middleware message of the slice's lines: produced, failed, repaired, doubled.
select
    cases.case_id,
    cases.site_no,
    cases.first_us as opened_us,
    messages.*
from (
    select
        message_id,
        min(case_id) as message_case,
        min(occurred_us) filter (where activity = 'Message produced') as produced_us,
        min(occurred_us) filter (where activity = 'Message received') as received_us,
        min(occurred_us) filter (where activity in ('Message failed', 'Message dead-lettered'))
            as failed_us,
        max(occurred_us) filter (where activity in ('Message failed', 'Message dead-lettered'))
            as last_failed_us,
        max(occurred_us) filter (where activity = 'Message replayed') as replayed_us,
        count(*) filter (where activity = 'Message duplicate ignored') as duplicates,
        count(*) filter (where activity = 'Message dead-lettered') as dead_letters
    from log_events
    where message_id is not null and activity in ('Message produced', 'Message received',
        'Message retried', 'Message failed', 'Message dead-lettered', 'Message replayed',
        'Message duplicate ignored')
    group by message_id
) as messages
join cases on messages.message_case = cases.case_id
where cases.first_us >= ${from_us} and cases.first_us < ${to_us}
    and (${site} < 0 or cases.site_no = ${site})
order by messages.message_id

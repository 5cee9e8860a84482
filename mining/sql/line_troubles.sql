-- What a line ran into: the review queue it waited in, the message error it met.
select
    events.case_id,
    max(get_json_object(events.extras, '$$.queue')) as queue,
    max(case when events.activity in ('Message failed', 'Message retried', 'Message dead-lettered')
        then get_json_object(events.extras, '$$.error') end) as message_error
from log_events as events
where events.activity in ('Request approval', 'Review', 'Message failed', 'Message retried',
    'Message dead-lettered')
group by events.case_id

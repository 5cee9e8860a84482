-- Per object type and activity: links, distinct events, objects; beginnings and ends of objects.
select
    type_no,
    source,
    count(*) as links,
    count(distinct event_no) as events,
    count(distinct object_no) as objects,
    count(*) filter (where former_no is null) as starts,
    count(*) filter (where target is null) as ends
from object_steps
group by type_no, source

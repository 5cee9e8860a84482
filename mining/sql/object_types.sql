-- What each object type has: objects with events (each has one first event), links, distinct events.
select
    names.object_type,
    names.type_no,
    count(*) filter (where steps.former_no is null) as objects,
    count(*) as links,
    count(distinct steps.event_no) as events
from object_steps as steps
join (select distinct object_type, type_no from object_numbers) as names
    on steps.type_no = names.type_no
group by names.object_type, names.type_no

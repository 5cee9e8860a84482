-- Objects of each process event, in its order; every event belongs to its line.
select distinct events.event_id, links.object_type, links.object_id
from log_events as events
join activity_names on events.activity = activity_names.activity
join log_objects as links on events.event_id = links.event_id
order by events.event_id, links.object_type, links.object_id

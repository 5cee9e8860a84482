-- Events as the objects of every type lived them: integers, each event once per object.
select distinct
    object_numbers.object_no,
    object_numbers.type_no,
    numbered.event_no,
    cast(activity_names.activity_no as smallint) as activity_no,
    numbered.occurred_us
from log_objects as links
join numbered_events as numbered on links.event_id = numbered.event_id
join activity_names on numbered.activity = activity_names.activity
join object_numbers
    on links.object_type = object_numbers.object_type and links.object_id = object_numbers.object_id

-- Numbers for activities not met before; known ones keep theirs, so encoded tables stay valid.
select
    cast(${known} + row_number() over (order by activity) as integer) as activity_no,
    activity
from (select distinct activity from new_events) as found
where activity not in (select activity from known_activities)

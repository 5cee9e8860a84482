-- One row per line: what was claimed, found, advised, decided and done.
select
    case_no,
    min_by(reason, place) filter (where reason is not null
        and activity in ('Request return', 'Create RMA')) as declared_reason,
    max_by(reason, place) filter (where reason is not null and activity = 'Finish inspection')
        as inspected_reason,
    min_by(condition, place) filter (where condition is not null
        and activity = 'Finish inspection') as first_condition,
    max_by(disposition, place) filter (where disposition is not null
        and activity = 'Recommend disposition') as recommended,
    min_by(disposition, place) filter (where disposition is not null and interim = 0
        and activity in ('Decide disposition', 'Override disposition')) as first_decided,
    max_by(disposition, place) filter (where disposition is not null and interim = 0
        and activity in ('Decide disposition', 'Override disposition')) as last_decided,
    max_by(disposition, place) filter (where disposition is not null and interim = 0
        and activity = 'Execute disposition') as last_executed
from line_events
group by case_no

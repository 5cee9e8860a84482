-- Every case of the new events with its number: known cases keep theirs, new ones follow in the
-- order in which they began.
select
    touched.case_id,
    coalesce(known_cases.case_no, cast(${known} + row_number() over (
        partition by known_cases.case_no is null
        order by touched.first_us, touched.case_id
    ) as integer)) as case_no
from (
    select case_id, min(occurred_us) as first_us
    from new_events
    group by case_id
) as touched
left join known_cases on touched.case_id = known_cases.case_id

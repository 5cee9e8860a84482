-- A row per directly-follows pair, and one with target null for the last event of each case.
select
    cases.month,
    steps.case_no,
    steps.position,
    steps.source,
    steps.target,
    steps.occurred_us,
    steps.duration_us,
    cast(null as bigint) as business_us,
    steps.site_no,
    cases.site_no as case_site_no,
    cases.first_us as opened_us,
    steps.source_seq,
    steps.event_key
from ordered_events as steps
join dated_cases as cases on steps.case_no = cases.case_no

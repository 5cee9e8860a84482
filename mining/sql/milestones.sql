-- When each line of the slice reached the stages its clocks run between (microseconds, or null).
select
    steps.case_no,
    cases.case_id,
    cases.site_no,
    cases.first_us as opened_us,
    cases.closed_us,
    cases.ended_us,
    min(steps.occurred_us) filter (where steps.source = ${requested}) as requested_us,
    min(steps.occurred_us) filter (where steps.source = ${arrived}) as arrived_us,
    min(steps.occurred_us) filter (where steps.source = ${received}) as received_us,
    min(steps.occurred_us) filter (where steps.source = ${inspected}) as inspected_us,
    max(steps.occurred_us) filter (where steps.source in (${decided}, ${overridden})) as decided_us,
    max(steps.occurred_us) filter (where steps.source = ${transferred}) as transferred_us,
    min(steps.occurred_us) filter (where steps.source = ${credited}) as credited_us,
    max(steps.occurred_us) filter (where steps.source = ${credited}) as last_credited_us,
    max(steps.occurred_us) filter (where steps.source = ${reopened}) as reopened_us
from transitions as steps
join cases on steps.case_no = cases.case_no
where cases.first_us >= ${from_us} and cases.first_us < ${to_us}
    and steps.month between ${from_month} and ${to_month}
    and (${site} < 0 or cases.site_no = ${site})
group by steps.case_no, cases.case_id, cases.site_no, cases.first_us, cases.closed_us,
    cases.ended_us
order by steps.case_no

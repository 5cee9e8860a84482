-- First terminal decision of each line and the terminal disposition last executed.
select
    cases.case_no,
    cases.site_no,
    cases.first_us as opened_us,
    decided.disposition as first_decided,
    executed.disposition as last_executed
from (
    select case_id, disposition
    from (
        select case_id, disposition, row_number() over (
            partition by case_id order by occurred_us, source_seq, event_key) as nth
        from log_events
        where activity in ('Decide disposition', 'Override disposition')
            and disposition not in ('PENDING', 'REFURBISH', 'QUARANTINE', 'CUSTOMER_DISPUTE')
    ) as decisions
    where nth = 1
) as decided
join cases on decided.case_id = cases.case_id
left join (
    select case_id, disposition
    from (
        select case_id, disposition, row_number() over (
            partition by case_id order by occurred_us desc, source_seq desc, event_key desc) as nth
        from log_events
        where activity = 'Execute disposition'
            and disposition not in ('PENDING', 'REFURBISH', 'QUARANTINE', 'CUSTOMER_DISPUTE')
    ) as executions
    where nth = 1
) as executed on decided.case_id = executed.case_id
where cases.first_us >= ${from_us} and cases.first_us < ${to_us}
    and (${site} < 0 or cases.site_no = ${site})
order by cases.case_no

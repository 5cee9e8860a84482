-- Events, cases and repeats per activity, counted once per variant and weighted by its cases.
select
    source,
    sum(times * n) as events,
    sum(n) as cases,
    coalesce(sum(n) filter (where times > 1), 0) as rework_cases
from (
    select examples.example_no, examples.n, steps.source, count(*) as times
    from transitions as steps
    join (
        select count(*) as n, min(case_no) as example_no
        from cases
        where first_us >= ${from_us} and first_us < ${to_us}
            and month between ${from_month} and ${to_month}
            and (${site} < 0 or site_no = ${site})
        group by variant
    ) as examples on steps.case_no = examples.example_no
    where steps.opened_us >= ${from_us} and steps.opened_us < ${to_us}
        and steps.month between ${from_month} and ${to_month}
    group by examples.example_no, examples.n, steps.source
) as occurrences
group by source

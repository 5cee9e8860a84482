-- Which activity came some time after which, counted once per variant and weighted by its cases.
with steps as (
    select examples.n, steps.case_no, steps.position, steps.source
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
)
select
    source,
    target,
    cast(sum(times * n) as bigint) as n,
    cast(sum(n) as bigint) as cases
from (
    select earlier.case_no, earlier.n, earlier.source, later.source as target, count(*) as times
    from steps as earlier
    join steps as later
        on earlier.case_no = later.case_no and earlier.position < later.position
    group by earlier.case_no, earlier.n, earlier.source, later.source
) as pairs
group by source, target

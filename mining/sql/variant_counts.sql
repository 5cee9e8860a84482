-- The variants of the slice, each with one case that shows its activities.
select variant, count(*) as n, min(case_no) as example_no
from cases
where first_us >= ${from_us} and first_us < ${to_us}
    and month between ${from_month} and ${to_month}
    and (${site} < 0 or site_no = ${site})
group by variant

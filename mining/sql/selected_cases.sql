-- Figures of the cases of the slice.
select
    count(*) as cases,
    coalesce(sum(events), 0) as events,
    count(*) filter (where ties > 0) as cases_with_ties
from cases
where first_us >= ${from_us} and first_us < ${to_us}
    and month between ${from_month} and ${to_month}
    and (${site} < 0 or site_no = ${site})

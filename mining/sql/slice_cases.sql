-- The cases of the slice.
select case_no, case_id, site_no, first_us as opened_us, closed_us, ended_us
from cases
where first_us >= ${from_us} and first_us < ${to_us}
    and month between ${from_month} and ${to_month}
    and (${site} < 0 or site_no = ${site})
order by case_no

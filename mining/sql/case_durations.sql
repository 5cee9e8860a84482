-- First to last event of every case of the slice, in seconds.
select case_id, events, (last_us - first_us) / 1e6 as duration_s
from cases
where first_us >= ${from_us} and first_us < ${to_us}
    and month between ${from_month} and ${to_month}
    and (${site} < 0 or site_no = ${site})
order by case_no

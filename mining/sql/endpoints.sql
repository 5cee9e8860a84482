-- How many cases of the slice begin and end with each activity.
select start_no, end_no, count(*) as n
from cases
where first_us >= ${from_us} and first_us < ${to_us}
    and month between ${from_month} and ${to_month}
    and (${site} < 0 or site_no = ${site})
group by start_no, end_no

-- How often each case of whole months had an activity, grouped by site and activity.
select
    month, case_site_no as site_no, source, cast(0 as smallint) as target,
    count(*) as value, opened_us
from transitions
where month between ${from_month} and ${to_month}
group by month, case_no, case_site_no, source, opened_us
order by month, site_no, source

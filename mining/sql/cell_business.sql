-- Working time of whole months, grouped by site and arrow and sorted inside each group.
select month, case_site_no as site_no, source, target, business_us as value, opened_us
from transitions
where target is not null and business_us is not null
    and month between ${from_month} and ${to_month}
order by month, site_no, source, target, value

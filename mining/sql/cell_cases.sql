-- Figures of the cases of whole months.
select month, site_no, first_us, events, ties, start_no, end_no
from cases
where month between ${from_month} and ${to_month}
order by month

-- For each case of the slice: how many pairs of the standard's order apply (both steps happened),
-- and how many were kept (the later step did not come first). Clocks decide, so that steps an
-- end-of-day file reports at the same moment are in order either way.
with firsts as (
    select case_no, source as activity_no, min(occurred_us) as first_us
    from transitions
    where opened_us >= ${from_us} and opened_us < ${to_us}
        and month between ${from_month} and ${to_month}
        and (${site} < 0 or case_site_no = ${site})
    group by case_no, source
)
select
    one.case_no,
    count(*) as pairs,
    count(*) filter (where other.first_us >= one.first_us) as kept
from firsts as one
join standard_order as standard on standard.activity_no = one.activity_no
join firsts as other on other.case_no = one.case_no and other.activity_no = standard.later_no
group by one.case_no

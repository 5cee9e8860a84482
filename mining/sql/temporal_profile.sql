-- Time from each step to every later step of its case, by pair of activities, in seconds.
-- What lies more than ${reach} steps apart is left out: the pairs of a case grow with its square.
select
    one.source as source,
    later.source as target,
    count(*) as n,
    avg(later.occurred_us - one.occurred_us) / 1e6 as mean_s,
    coalesce(stddev_samp(later.occurred_us - one.occurred_us), 0) / 1e6 as stdev_s
from transitions as one
join transitions as later
    on later.case_no = one.case_no and later.month = one.month
    and later.position > one.position and later.position <= one.position + ${reach}
where one.opened_us >= ${from_us} and one.opened_us < ${to_us}
    and one.month between ${from_month} and ${to_month}
    and (${site} < 0 or one.case_site_no = ${site})
group by one.source, later.source

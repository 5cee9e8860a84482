-- Every statistic of every arrow of the slice; durations in seconds, quantiles exact.
select
    source,
    target,
    count(*) as n,
    avg(duration_us) / 1e6 as mean_s,
    percentile_cont(0.5) within group (order by duration_us) / 1e6 as p50_s,
    percentile_cont(0.9) within group (order by duration_us) / 1e6 as p90_s,
    percentile_cont(0.95) within group (order by duration_us) / 1e6 as p95_s,
    percentile_cont(0.5) within group (order by business_us) / 1e6 as business_p50_s,
    percentile_cont(0.9) within group (order by business_us) / 1e6 as business_p90_s,
    percentile_cont(0.95) within group (order by business_us) / 1e6 as business_p95_s,
    min(duration_us) / 1e6 as min_s,
    max(duration_us) / 1e6 as max_s,
    sum(duration_us) / 1e6 as sum_s,
    stddev_samp(duration_us) / 1e6 as stdev_s
from transitions
where target is not null
    and opened_us >= ${from_us} and opened_us < ${to_us}
    and month between ${from_month} and ${to_month}
    and (${site} < 0 or case_site_no = ${site})
group by source, target

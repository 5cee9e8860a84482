-- When each source reported for each site: its days (UTC) with the first and last moment of each.
select
    coalesce(source, '') as source,
    coalesce(site, '') as site,
    floor(coalesce(recorded_us, occurred_us) / 86400e6) as day_no,
    count(*) as records,
    min(coalesce(recorded_us, occurred_us)) as first_us,
    max(coalesce(recorded_us, occurred_us)) as last_us
from log_events
group by coalesce(source, ''), coalesce(site, ''),
    floor(coalesce(recorded_us, occurred_us) / 86400e6)
order by source, site, day_no

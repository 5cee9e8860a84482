-- Arrows per object type. An arrow walked by several objects in the same pair of events is one
-- event couple: the ratio of the two shows how far shared events inflate a figure.
select
    type_no, source, target,
    count(*) as n,
    count(distinct event_no * 4294967296 + next_no) as event_couples,
    count(distinct object_no) as objects,
    avg(duration_us) / 1e6 as mean_s,
    percentile_cont(0.5) within group (order by duration_us) / 1e6 as p50_s,
    percentile_cont(0.9) within group (order by duration_us) / 1e6 as p90_s,
    percentile_cont(0.95) within group (order by duration_us) / 1e6 as p95_s
from object_steps
where target is not null
group by type_no, source, target

-- Arrows per object type. An arrow walked by several objects in the same pair of events is one
-- event couple: the ratio of the two shows how far shared events inflate a figure.
-- Distinct counts are made apart: beside quantiles in one aggregation they cost half as much again.
select
    walks.type_no, walks.source, walks.target, walks.n, couples.event_couples, movers.objects,
    walks.mean_s, walks.p50_s, walks.p90_s, walks.p95_s
from (
    select
        type_no, source, target,
        count(*) as n,
        avg(duration_us) / 1e6 as mean_s,
        percentile_cont(0.5) within group (order by duration_us) / 1e6 as p50_s,
        percentile_cont(0.9) within group (order by duration_us) / 1e6 as p90_s,
        percentile_cont(0.95) within group (order by duration_us) / 1e6 as p95_s
    from object_steps
    where target is not null
    group by type_no, source, target
) as walks
join (
    select type_no, source, target,
        count(distinct event_no * 4294967296 + next_no) as event_couples
    from object_steps
    where target is not null
    group by type_no, source, target
) as couples
    on walks.type_no = couples.type_no and walks.source = couples.source
    and walks.target = couples.target
join (
    select type_no, source, target, count(distinct object_no) as objects
    from object_steps
    where target is not null
    group by type_no, source, target
) as movers
    on walks.type_no = movers.type_no and walks.source = movers.source
    and walks.target = movers.target

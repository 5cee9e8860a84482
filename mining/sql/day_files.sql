-- Events known to the day only: those of a source and site that marks its places as inferred and
-- always gives the same clock time (two at most, for a change of the clock). Their place is that
-- in the file, a late file's rows after those of the file in time.
select
    events.event_key,
    events.site,
    events.occurred_us,
    row_number() over (
        partition by events.source, events.site, events.occurred_us
        order by events.recorded_us nulls first, events.source_seq, events.event_key
    ) as place,
    count(*) over (partition by events.source, events.site, events.occurred_us) as together
from log_events as events
join (
    select coalesce(source, '') as source, coalesce(site, '') as site
    from log_events
    where confidence = 'inferred'
    group by coalesce(source, ''), coalesce(site, '')
    having count(distinct occurred_us - floor(occurred_us / 86400e6) * 86400e6) <= 2
) as day_sources
    on coalesce(events.source, '') = day_sources.source
    and coalesce(events.site, '') = day_sources.site
where events.confidence = 'inferred'

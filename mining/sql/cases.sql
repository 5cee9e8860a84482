-- One row per case. Site: where it was received, else the first site any event names.
-- Variant: digest of the ordered array position * 65536 + activity.
select
    case_no,
    cast(count(*) as integer) as events,
    min(occurred_us) as first_us,
    max(occurred_us) as last_us,
    max(source) filter (where position = 1) as start_no,
    max(source) filter (where target is null) as end_no,
    cast(count(*) filter (where duration_us = 0) as integer) as ties,
    cast(coalesce(
        min_by(site_no, position) filter (where source = ${receive} and site_no > 0),
        min_by(site_no, position) filter (where site_no > 0),
        0
    ) as smallint) as site_no,
    max(occurred_us) filter (where source = ${closing}) as close_us,
    max(occurred_us) filter (where source = ${reopening}) as reopen_us,
    max(occurred_us) filter (where source in (${cancelling}, ${expiring}, ${rejecting})) as end_us,
    md5(cast(array_sort(array_agg(position * 65536 + source)) as string)) as variant
from ordered_events
group by case_no

-- As transitions.sql, with the working time between two events by the calendar of the case's site.
-- business_days cuts each site's working time into pieces that never cross midnight UTC, so both
-- ends are looked up by an equality join.
select
    plain.month, plain.case_no, plain.position, plain.source, plain.target,
    plain.occurred_us, plain.duration_us,
    cast(ends.worked_us + ends.open * (plain.occurred_us + plain.duration_us - ends.from_us)
        - begins.worked_us - begins.open * (plain.occurred_us - begins.from_us)
        as bigint) as business_us,
    plain.site_no, plain.case_site_no, plain.opened_us, plain.source_seq, plain.event_key
from plain_transitions as plain
left join business_days as begins
    on plain.case_site_no = begins.site_no
    and cast(floor(plain.occurred_us / 86400e6) as integer) = begins.day_no
    and plain.occurred_us >= begins.from_us and plain.occurred_us < begins.to_us
left join business_days as ends
    on plain.case_site_no = ends.site_no
    and cast(floor((plain.occurred_us + plain.duration_us) / 86400e6) as integer) = ends.day_no
    and plain.occurred_us + plain.duration_us >= ends.from_us
    and plain.occurred_us + plain.duration_us < ends.to_us

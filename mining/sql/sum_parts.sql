-- Postings summed over lines, and what each line has of them: a transfer that names no line (it is a
-- case of its own) belongs to the movements of its site, SKU, lot, status and disposition on one day
-- if together they move exactly what it posts, and their lines have no such posting of their own. Of
-- several such days the latest counts, none more than eight days before; of two such postings one.
with loose as (
    select
        event_key, site, sku, coalesce(lot, '') as lot, coalesce(inventory_status, '') as status,
        coalesce(disposition, '') as disposition, quantity,
        coalesce(recorded_us, occurred_us) as entered_us
    from log_events
    where activity = 'Post stock transfer' and case_id = document_id
),
moved as (
    select
        moves.case_id, moves.site, moves.sku, moves.lot, moves.status, moves.disposition,
        moves.quantity, moves.occurred_us, floor(moves.occurred_us / 86400e6) as day_no
    from (
        select
            case_id, site, sku, coalesce(lot, '') as lot,
            coalesce(inventory_status, '') as status, coalesce(disposition, '') as disposition,
            quantity, occurred_us
        from log_events
        where activity = 'Execute disposition' and sku in (select sku from loose)
    ) as moves
    left join (
        select distinct case_id, coalesce(inventory_status, '') as status
        from log_events
        where activity = 'Post stock transfer'
    ) as own on moves.case_id = own.case_id and moves.status = own.status
    where own.case_id is null
),
days as (
    select
        loose.event_key, loose.status, loose.disposition, loose.quantity as whole,
        moved.case_id, moved.day_no, moved.quantity,
        sum(moved.quantity) over (partition by loose.event_key, moved.day_no) as together
    from loose
    join moved on loose.site = moved.site and loose.sku = moved.sku and loose.lot = moved.lot
        and loose.status = moved.status and loose.disposition = moved.disposition
        and moved.occurred_us <= loose.entered_us + 3600e6
        and moved.occurred_us >= loose.entered_us - 691200e6
),
fitting as (
    select *, max(day_no) over (partition by event_key) as last_day
    from days
    where abs(together - whole) < 1e-6 and whole > 0
)
select event_key, case_id, quantity, quantity / whole as share
from (
    select
        *,
        min(event_key) over (partition by case_id, day_no, status, disposition) as chosen
    from fitting
    where day_no = last_day
) as chosen_days
where event_key = chosen

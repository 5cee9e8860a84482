-- Value that waited on every arrow of the slice: carrying value of the line times days.
select
    steps.source,
    steps.target,
    count(*) as n,
    count(held.value) as valued,
    coalesce(sum(held.value * steps.duration_us), 0) / 86400e6 as value_days
from transitions as steps
join cases on steps.case_no = cases.case_no
left join (
    select events.case_id, max(events.quantity * items.std_cost) as value
    from log_events as events
    join item_costs as items on events.sku = items.sku
    group by events.case_id
) as held on cases.case_id = held.case_id
where steps.target is not null
    and steps.opened_us >= ${from_us} and steps.opened_us < ${to_us}
    and steps.month between ${from_month} and ${to_month}
    and (${site} < 0 or steps.case_site_no = ${site})
group by steps.source, steps.target

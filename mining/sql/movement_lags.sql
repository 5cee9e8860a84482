-- Each warehouse movement with the moment the ERP entered its posting, by exact key: the warehouse
-- document the posting names, else the message that carried it, else (postings that name neither)
-- the same line, kind of movement, stock status and place in their order. Null while there is none.
select
    movements.site,
    cases.first_us as opened_us,
    coalesce(spread.at_us, movements.occurred_us) as moved_us,
    case when spread.at_us is null then 0 else 1 end as dated,
    abs(movements.quantity * items.std_cost) as value,
    coalesce(by_document.entered_us, by_message.entered_us, by_line.entered_us) as entered_us
from (
    select
        case_id, site, sku, quantity, occurred_us, event_key, document_id, message_id, kind,
        inventory_status,
        row_number() over (
            partition by case_id, kind, inventory_status
            order by occurred_us, source_seq, event_key
        ) as place
    from (
        select
            case_id, site, sku, quantity, occurred_us, source_seq, event_key, document_id,
            message_id,
            coalesce(inventory_status, '') as inventory_status,
            case when activity = 'Receive' then 1 else 2 end as kind
        from log_events
        where activity in ('Receive', 'Execute disposition')
    ) as moves
) as movements
join cases on movements.case_id = cases.case_id
left join spread_events as spread on movements.event_key = spread.event_key
left join item_costs as items on movements.sku = items.sku
left join (
    select kind, wms_document_id, min(entered_us) as entered_us
    from postings
    where wms_document_id is not null
    group by kind, wms_document_id
) as by_document
    on movements.kind = by_document.kind and movements.document_id = by_document.wms_document_id
left join (
    select kind, message_id, min(entered_us) as entered_us
    from postings
    where message_id is not null
    group by kind, message_id
) as by_message
    on movements.kind = by_message.kind and movements.message_id = by_message.message_id
left join (
    select case_id, kind, inventory_status, place, entered_us
    from postings
    where wms_document_id is null and message_id is null
) as by_line
    on movements.case_id = by_line.case_id and movements.kind = by_line.kind
    and movements.inventory_status = by_line.inventory_status and movements.place = by_line.place
where cases.first_us >= ${from_us} and cases.first_us < ${to_us}
    and (${site} < 0 or cases.site_no = ${site})

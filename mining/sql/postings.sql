-- What the ERP entered for warehouse movements, with each key it can be matched by. The place is
-- counted among the postings of a line that name neither a document nor a message. A posting summed
-- over lines is one of each.
select
    case_id, kind, wms_document_id, message_id, inventory_status, entered_us,
    row_number() over (
        partition by case_id, kind, inventory_status,
            case when wms_document_id is null and message_id is null then 1 else 0 end
        order by entered_us, document_id
    ) as place
from (
    select
        coalesce(parts.case_id, events.case_id) as case_id,
        case when activity = 'Post goods receipt' then 1 else 2 end as kind,
        get_json_object(extras, '$$.wms_document_id') as wms_document_id,
        message_id,
        coalesce(inventory_status, '') as inventory_status,
        coalesce(recorded_us, occurred_us) as entered_us,
        document_id
    from log_events as events
    left join sum_parts as parts on events.event_key = parts.event_key
    where activity in ('Post goods receipt', 'Post stock transfer')
) as entries

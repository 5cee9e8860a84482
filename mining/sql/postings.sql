-- What the ERP entered for warehouse movements.
select
    case when activity = 'Post goods receipt' then 1 else 2 end as kind,
    get_json_object(extras, '$$.wms_document_id') as wms_document_id,
    message_id,
    coalesce(recorded_us, occurred_us) as entered_us
from log_events
where activity in ('Post goods receipt', 'Post stock transfer')

-- What was asked and authorised: the request, or the RMA made afterwards for a blind receipt.
select
    asked.case_no,
    min_by(asked.event_id, asked.place) as requested_id,
    max(get_json_object(asked.extras, '$$.policy')) as policy,
    max(get_json_object(asked.extras, '$$.customer_id')) as customer_id,
    max(get_json_object(asked.extras, '$$.order_line')) as order_line,
    max(get_json_object(asked.extras, '$$.channel')) as channel,
    max(get_json_object(asked.extras, '$$.carrier')) as carrier,
    max(get_json_object(asked.extras, '$$.resolution_requested')) as resolution,
    max(cast(get_json_object(asked.extras, '$$.unit_price') as double)) as unit_price,
    max(cast(get_json_object(asked.extras, '$$.quantity_authorised') as double)) as authorised,
    max(asked.reason) as declared_reason,
    max(asked.sku) as requested_sku,
    max(orders.object_id) as order_id
from numbered_lines as asked
left join (
    select event_id, object_id from log_objects where object_type = 'order'
) as orders on asked.event_id = orders.event_id
where asked.activity in ('Request return', 'Create RMA')
group by asked.case_no

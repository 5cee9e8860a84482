-- One row per line: carrying value received and written off, credits, and the supplier's part.
-- Value: quantity x standard cost where the item is known, else the amount of the posting.
select
    case_no,
    sum(abs(coalesce(value, amount))) filter (where activity = 'Post goods receipt'
        and undone = 0) as received_value,
    sum(abs(coalesce(value, amount))) filter (where activity = 'Post stock transfer'
        and undone = 0 and disposition in ('SCRAP', 'DONATE', 'RECYCLE', 'LIQUIDATE', 'LOST',
            'FIELD_DESTROY_FOR_CREDIT')) as written_off_value,
    sum(abs(amount)) filter (where activity = 'Receive supplier credit' and undone = 0)
        as vendor_credit,
    count(*) filter (where activity = 'Post stock transfer' and undone = 0 and interim = 0
        and disposition is not null) as transfers,
    sum(amount) filter (where activity = 'Post credit memo' and undone = 0) as credited_amount,
    sum(quantity) filter (where activity = 'Post credit memo' and undone = 0)
        as credited_quantity,
    max(quantity) filter (where activity = 'Receive') as received_quantity,
    max(try_cast(get_json_object(extras, '$$.unit_price') as double)) as unit_price,
    min(at_us) filter (where activity = 'Determine supplier eligibility'
        and get_json_object(extras, '$$.eligible') = 'true') as eligible_us,
    max(amount) filter (where activity = 'Determine supplier eligibility'
        and get_json_object(extras, '$$.eligible') = 'true') as eligible_value,
    max(get_json_object(extras, '$$.eligible_until')) filter (
        where activity = 'Determine supplier eligibility'
        and get_json_object(extras, '$$.eligible') = 'true') as eligible_until,
    min(at_us) filter (where activity = 'File supplier claim') as filed_us,
    max(amount) filter (where activity = 'File supplier claim') as filed_value,
    max_by(get_json_object(extras, '$$.answer'), place) filter (
        where activity = 'Receive supplier answer'
        and get_json_object(extras, '$$.answer') is not null) as answer,
    min(at_us) filter (where activity = 'Receive supplier credit') as vendor_credited_us,
    min(at_us) filter (where activity = 'Close supplier claim') as claim_closed_us
from line_events
group by case_no

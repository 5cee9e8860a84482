-- The supplier's part of a line.
select
    claims.case_no,
    max(claims.occurred_us) filter (where claims.activity = 'Determine supplier eligibility'
        and get_json_object(claims.extras, '$$.eligible') = 'true') as eligible_us,
    max_by(claims.event_id, claims.place) filter (
        where claims.activity = 'Determine supplier eligibility') as eligible_id,
    max(get_json_object(claims.extras, '$$.eligible_until')) filter (
        where claims.activity = 'Determine supplier eligibility') as eligible_until,
    min(claims.occurred_us) filter (where claims.activity = 'File supplier claim') as filed_us,
    min_by(claims.event_id, claims.place) filter (where claims.activity = 'File supplier claim')
        as filed_id,
    max(claims.amount) filter (where claims.activity = 'File supplier claim') as claimed,
    min(claims.occurred_us) filter (where claims.activity = 'Receive supplier answer')
        as answered_us,
    max_by(get_json_object(claims.extras, '$$.answer'), claims.place) filter (
        where claims.activity = 'Receive supplier answer') as answer,
    min(claims.occurred_us) filter (where claims.activity = 'Confirm supplier delivery')
        as delivered_us_claim,
    min_by(claims.event_id, claims.place) filter (
        where claims.activity = 'Confirm supplier delivery') as delivered_id,
    sum(claims.amount) filter (where claims.activity = 'Receive supplier credit')
        as supplier_credit,
    max(claims.occurred_us) filter (where claims.activity = 'Receive supplier credit')
        as supplier_credited_us,
    max_by(claims.event_id, claims.place) filter (
        where claims.activity = 'Receive supplier credit') as supplier_credited_id,
    max(get_json_object(claims.extras, '$$.contract_id')) as contract_id
from numbered_lines as claims
where claims.activity in ('Determine supplier eligibility', 'File supplier claim',
    'Receive supplier answer', 'Confirm supplier delivery', 'Receive supplier credit')
group by claims.case_no

-- What the ERP says about a line: stock and credit postings that were not reversed.
select
    case_no,
    min(coalesce(recorded_us, occurred_us)) filter (where activity = 'Post goods receipt')
        as receipt_posted_us,
    min(posting_day) filter (where activity = 'Post goods receipt') as receipt_posting_day,
    min_by(event_id, place) filter (where activity = 'Post goods receipt') as receipt_posted_id,
    count(*) filter (where activity = 'Post stock transfer') as transfers,
    min(coalesce(recorded_us, occurred_us)) filter (where activity = 'Post stock transfer')
        as first_transferred_us,
    max(coalesce(recorded_us, occurred_us)) filter (where activity = 'Post stock transfer')
        as transferred_us,
    max_by(event_id, place) filter (where activity = 'Post stock transfer') as transferred_id,
    max_by(inventory_status, place) filter (where activity = 'Post stock transfer')
        as posted_status,
    max_by(disposition, place) filter (where activity = 'Post stock transfer')
        as posted_disposition,
    min(occurred_us) filter (where activity = 'Post stock transfer'
        and inventory_status = 'SCRAPPED') as scrapped_us,
    min_by(event_id, place) filter (where activity = 'Post stock transfer'
        and inventory_status = 'SCRAPPED') as scrapped_id,
    min(occurred_us) filter (where activity = 'Post stock transfer'
        and inventory_status = 'QUARANTINE') as quarantined_us,
    min(place) filter (where activity = 'Post stock transfer'
        and inventory_status = 'QUARANTINE') as quarantined_place,
    min_by(event_id, place) filter (where activity = 'Post stock transfer'
        and inventory_status = 'QUARANTINE') as quarantined_id,
    max(occurred_us) filter (where activity = 'Post stock transfer'
        and inventory_status <> 'QUARANTINE') as left_quarantine_us,
    count(*) filter (where activity = 'Post credit memo') as credits,
    count(distinct amount) filter (where activity = 'Post credit memo') as credit_amounts,
    min(occurred_us) filter (where activity = 'Post credit memo') as credited_us,
    min_by(event_id, place) filter (where activity = 'Post credit memo') as credited_id,
    max_by(event_id, place) filter (where activity = 'Post credit memo') as last_credited_id,
    sum(amount) filter (where activity = 'Post credit memo') as credited,
    max(amount) filter (where activity = 'Post credit memo') as largest_credit,
    sum(quantity) filter (where activity = 'Post credit memo') as credited_quantity,
    max(quantity) filter (where activity = 'Post credit memo') as largest_credited_quantity,
    max(amount / quantity) filter (where activity = 'Post credit memo' and quantity > 0)
        as credited_price,
    max_by(financial_outcome, place) filter (where activity = 'Post credit memo')
        as financial_outcome,
    max(case when financial_outcome = 'NO_CREDIT_REJECTED' then 1 else 0 end) as refused,
    max(floor(coalesce(recorded_us, occurred_us) / 86400e6) - posting_day)
        filter (where posting_day is not null) as most_backdated_days,
    max_by(event_id, (floor(coalesce(recorded_us, occurred_us) / 86400e6) - posting_day) * 65536
        - place)
        filter (where posting_day is not null) as most_backdated_id
from numbered_lines
where undone = 0
group by case_no

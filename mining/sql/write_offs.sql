-- Carrying value each line brought in, what of it was written off, and what suppliers gave back.
-- Value: quantity x standard cost where the item is known, else the amount of the posting.
-- Postings that were reversed do not count.
select
    cases.case_no,
    cases.site_no,
    cases.first_us as opened_us,
    sums.received,
    sums.written_off,
    sums.vendor_credit,
    sums.transfers
from (
    select
        postings.case_id,
        coalesce(sum(postings.value) filter (where postings.activity = 'Post goods receipt'), 0)
            as received,
        coalesce(sum(postings.value) filter (where postings.activity = 'Post stock transfer'
            and postings.disposition in ('SCRAP', 'DONATE', 'RECYCLE', 'LIQUIDATE', 'LOST',
                'FIELD_DESTROY_FOR_CREDIT')), 0) as written_off,
        coalesce(sum(postings.value) filter (where postings.activity = 'Receive supplier credit'),
            0) as vendor_credit,
        count(*) filter (where postings.activity = 'Post stock transfer'
            and postings.disposition not in ('PENDING', 'REFURBISH', 'QUARANTINE',
                'CUSTOMER_DISPUTE')) as transfers
    from (
        select
            events.case_id, events.activity, events.disposition,
            case when events.activity = 'Receive supplier credit' then abs(events.amount)
                else abs(coalesce(events.quantity * items.std_cost, events.amount)) end as value
        from log_events as events
        left join item_costs as items on events.sku = items.sku
        left join (
            select distinct reversal_of from log_events where reversal_of is not null
        ) as reversed on events.document_id = reversed.reversal_of
        where events.activity in
                ('Post goods receipt', 'Post stock transfer', 'Receive supplier credit')
            and reversed.reversal_of is null
    ) as postings
    group by postings.case_id
) as sums
join cases on sums.case_id = cases.case_id
where sums.received > 0
    and cases.first_us >= ${from_us} and cases.first_us < ${to_us}
    and (${site} < 0 or cases.site_no = ${site})
order by cases.case_no

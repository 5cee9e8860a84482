-- Lines to which no credit is due, and since when.
select case_id, min(occurred_us) as refused_us
from log_events
where financial_outcome = 'NO_CREDIT_REJECTED'
group by case_id

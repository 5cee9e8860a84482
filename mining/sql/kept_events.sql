-- What is already known of the cases the new events touch, as events again.
select stored.case_no, stored.source as activity_no, stored.site_no, stored.occurred_us,
    stored.source_seq, stored.event_key
from stored_transitions as stored
join case_numbers on stored.case_no = case_numbers.case_no
where stored.month in (${months})

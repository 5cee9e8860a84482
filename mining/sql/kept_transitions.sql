-- Rows of the touched months that belong to untouched cases.
select stored.*
from stored_transitions as stored
left join case_numbers on stored.case_no = case_numbers.case_no
where stored.month in (${months}) and case_numbers.case_no is null

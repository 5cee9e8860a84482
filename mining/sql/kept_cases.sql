-- Cases of the touched months that no new event touches.
select stored.*
from stored_cases as stored
left join case_numbers on stored.case_no = case_numbers.case_no
where stored.month in (${months}) and case_numbers.case_no is null

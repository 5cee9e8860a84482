-- The activities, in order, of the cases asked for.
select steps.case_no, array_sort(array_agg(steps.position * 65536 + steps.source)) as steps
from transitions as steps
join asked_cases on steps.case_no = asked_cases.case_no
group by steps.case_no

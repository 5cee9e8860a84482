-- Carrying value of each line: the largest quantity any event states, at standard cost.
select events.case_id, max(events.quantity * items.std_cost) as value
from log_events as events
join item_costs as items on events.sku = items.sku
group by events.case_id

-- Process events in the order of their cases, with what they carried.
select
    cases.case_no, events.case_id, events.event_id, events.activity, events.occurred_us,
    events.recorded_us, events.source, events.site, events.actor, events.actor_type, events.sku,
    events.quantity, events.amount, events.currency, events.reason, events.condition,
    events.disposition, events.financial_outcome, events.inventory_status, events.location,
    events.lot, events.serial, events.document_id, events.reversal_of, events.note,
    events.confidence, events.extras
from log_events as events
join cases on events.case_id = cases.case_id
join activity_names on events.activity = activity_names.activity
order by cases.case_no, events.occurred_us, events.source_seq, events.event_key

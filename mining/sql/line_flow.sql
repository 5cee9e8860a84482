-- When each stage of a line happened, who did it, and what the warehouse saw.
select
    case_no,
    max(occurred_us) as last_us,
    max(sku) as sku,
    min(occurred_us) filter (where activity = 'Request return') as requested_us,
    min(occurred_us) filter (where activity = 'Approve return') as approved_us,
    min(occurred_us) filter (where activity = 'Create RMA') as rma_us,
    min(occurred_us) filter (where activity = 'Sync RMA') as synced_us,
    min(occurred_us) filter (where activity = 'Arrive') as arrived_us,
    min(occurred_us) filter (where activity = 'Receive') as received_us,
    min(occurred_us) filter (where activity = 'Match blind receipt') as matched_us,
    min(occurred_us) filter (where activity = 'Finish inspection') as inspected_us,
    min(occurred_us) filter (where activity = 'Decide disposition') as decided_us,
    max(occurred_us) filter (where activity in ('Decide disposition', 'Override disposition'))
        as last_decided_us,
    min(occurred_us) filter (where activity = 'Execute disposition') as executed_us,
    min(occurred_us) filter (where activity = 'Execute disposition' and disposition = 'RESTOCK')
        as restocked_us,
    min(occurred_us) filter (where disposition = 'NO_RETURN'
        and activity in ('Decide disposition', 'Override disposition')) as credit_only_us,
    max(occurred_us) filter (where activity = 'Close return') as close_us,
    min(place) filter (where activity = 'Finish inspection') as inspected_place,
    min(place) filter (where activity = 'Execute disposition' and disposition = 'RESTOCK')
        as restocked_place,
    sum(quantity) filter (where activity = 'Receive' and undone = 0) as received,
    max(case when confidence = 'inferred' then 1 else 0 end) filter (where activity = 'Receive')
        as dated_only,
    max_by(disposition, place) filter (where activity in
        ('Decide disposition', 'Override disposition') and disposition <> 'NO_RETURN')
        as last_decided,
    max_by(serial, place) filter (where activity in ('Receive', 'Finish inspection')
        and serial is not null) as serial,
    max(case when serial is null then 1 else 0 end) filter (where activity = 'Receive')
        as serial_missing,
    max(case when lot is null then 1 else 0 end) filter (where activity = 'Receive')
        as lot_missing,
    max_by(reason, place) filter (where activity = 'Finish inspection' and reason is not null)
        as inspected_reason,
    min_by(condition, place) filter (where activity = 'Finish inspection') as condition,
    max(actor) filter (where activity = 'Approve return' and actor_type = 'human') as approver,
    max(actor) filter (where activity = 'Receive' and actor_type = 'human') as receiver,
    min_by(actor, place) filter (where activity = 'Finish inspection' and actor_type = 'human')
        as inspector,
    min_by(actor, place) filter (where activity in ('Decide disposition', 'Override disposition')
        and actor_type = 'human') as decider,
    max_by(actor, place) filter (where activity in ('Decide disposition', 'Override disposition')
        and actor_type = 'human') as last_decider,
    max(actor) filter (where activity = 'Approve credit' and actor_type = 'human')
        as credit_approver,
    max(actor) filter (where activity = 'Post credit memo' and actor_type = 'human')
        as credit_poster,
    min(recorded_us - occurred_us) as least_delay_us,
    min_by(event_id, (recorded_us - occurred_us) * 1000 + place) as least_delay_id,
    min_by(event_id, place) filter (where activity = 'Create RMA') as rma_id,
    min_by(event_id, place) filter (where activity = 'Sync RMA') as synced_id,
    min_by(event_id, place) filter (where activity = 'Arrive') as arrived_id,
    min_by(event_id, place) filter (where activity = 'Receive') as received_id,
    min_by(event_id, place) filter (where activity = 'Finish inspection') as inspected_id,
    min_by(event_id, place) filter (where activity = 'Decide disposition') as decided_id,
    max_by(event_id, place) filter (where activity in
        ('Decide disposition', 'Override disposition')) as last_decided_id,
    min_by(event_id, place) filter (where activity = 'Execute disposition') as executed_id,
    min_by(event_id, place) filter (where activity = 'Execute disposition'
        and disposition = 'RESTOCK') as restocked_id,
    min_by(event_id, place) filter (where disposition = 'NO_RETURN'
        and activity in ('Decide disposition', 'Override disposition')) as credit_only_id,
    max_by(event_id, place) filter (where activity = 'Close return') as close_id
from numbered_lines
group by case_no

-- One row per line: when it reached each stage (microseconds, or null), and how often what happened.
select
    case_no,
    min(at_us) filter (where activity = 'Request return') as requested_us,
    min(at_us) filter (where activity in ('Approve return', 'Create RMA')) as authorised_us,
    min(at_us) filter (where activity = 'Arrive') as arrived_us,
    min(at_us) filter (where activity = 'Receive') as received_us,
    min(at_us) filter (where activity = 'Start inspection') as begun_us,
    min(at_us) filter (where activity = 'Finish inspection') as inspected_us,
    min(at_us) filter (where activity = 'Decide disposition') as first_decided_us,
    max(at_us) filter (where activity in ('Decide disposition', 'Override disposition'))
        as decided_us,
    max(at_us) filter (where activity in ('Decide disposition', 'Override disposition')
        and interim = 0) as settled_us,
    min(at_us) filter (where activity = 'Execute disposition' and interim = 0) as executed_us,
    max(at_us) filter (where activity = 'Post stock transfer') as transferred_us,
    min(at_us) filter (where activity = 'Post stock transfer'
        and inventory_status = 'AVAILABLE' and undone = 0) as available_us,
    min(at_us) filter (where activity = 'Post credit memo') as credited_us,
    max(at_us) filter (where activity = 'Post credit memo') as last_credited_us,
    min(at_us) filter (where financial_outcome = 'NO_CREDIT_REJECTED') as refused_us,
    max(at_us) filter (where activity = 'Reopen return') as reopened_us,
    max(dated) as dated,
    count(*) filter (where activity = 'Finish inspection') as inspections,
    count(*) filter (where activity = 'Decide disposition') as decisions,
    count(*) filter (where activity = 'Override disposition') as overrides,
    count(*) filter (where activity = 'Review') as reviews,
    count(*) filter (where activity = 'Reopen return') as reopenings,
    count(*) filter (where activity = 'Reverse posting') as reversals,
    count(*) filter (where activity in ('Request approval', 'Approve return')) as approvals,
    count(*) filter (where activity = 'Escalate') as escalations,
    count(*) filter (where activity = 'Message failed') as failed_messages,
    count(*) filter (where activity = 'Message dead-lettered') as dead_letters,
    count(*) filter (where activity = 'Finish refurbishment') as refurbishments,
    count(*) filter (where activity = 'Decide disposition' and interim = 1) as detours,
    count(distinct activity) filter (where human = 1) as touches,
    count(*) filter (where human = 1 and activity not in ('Request return', 'Request approval',
        'Approve return', 'Create RMA', 'Sync RMA', 'Issue label', 'Arrive', 'Receive',
        'Park in returns hold', 'Match blind receipt', 'Start inspection', 'Finish inspection',
        'Execute disposition')) as other_human_events
from line_events
group by case_no

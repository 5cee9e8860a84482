-- Events as integers: no string takes part in a sort or a window.
select
    case_numbers.case_no,
    cast(activity_names.activity_no as smallint) as activity_no,
    cast(coalesce(site_names.site_no, 0) as smallint) as site_no,
    new_events.occurred_us,
    new_events.source_seq,
    new_events.event_key
from new_events
join case_numbers on new_events.case_id = case_numbers.case_id
join activity_names on new_events.activity = activity_names.activity
left join site_names on new_events.site = site_names.site

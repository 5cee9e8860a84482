-- The dictionary of activities.
select activity_no, activity from activity_names order by activity_no

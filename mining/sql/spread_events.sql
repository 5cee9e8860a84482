-- When each event known to the day only may have happened (the working hours of that day at its
-- site), and the estimate: the events of a file evenly over those hours, in its order.
select
    day_files.event_key,
    cast(floor(windows.low_us
        + (windows.high_us - windows.low_us) * (2 * day_files.place - 1)
        / (2 * day_files.together)) as bigint) as at_us
from day_files
join day_windows as windows
    on coalesce(day_files.site, '') = windows.site
    and day_files.occurred_us = windows.occurred_us

-- Cases with their names, fate and the month (yyyymm, UTC) in which they began: the partition.
-- The month is computed from the day number (Hinnant's civil calendar), because the two engines
-- share no function for it.
select
    case_no, case_id, events, first_us, last_us, start_no, end_no, ties, site_no, variant,
    case when close_us >= coalesce(reopen_us, close_us) then close_us end as closed_us,
    case when end_us >= coalesce(reopen_us, end_us) then end_us end as ended_us,
    cast((year_of_march + case when march >= 10 then 1 else 0 end) * 100
        + march + case when march < 10 then 3 else -9 end as integer) as month
from (
    select *, floor((5 * day_of_year + 2) / 153) as march
    from (
        select
            *,
            year_of_era + era * 400 as year_of_march,
            day_of_era - (365 * year_of_era + floor(year_of_era / 4) - floor(year_of_era / 100))
                as day_of_year
        from (
            select
                *,
                floor((day_of_era - floor(day_of_era / 1460) + floor(day_of_era / 36524)
                    - floor(day_of_era / 146096)) / 365) as year_of_era
            from (
                select *, day_no - floor(day_no / 146097) * 146097 as day_of_era,
                    floor(day_no / 146097) as era
                from (
                    select cases.*, names.case_id,
                        floor(cases.first_us / 86400e6) + 719468 as day_no
                    from undated_cases as cases
                    join case_numbers as names on cases.case_no = names.case_no
                ) as numbered
            ) as eras
        ) as years
    ) as days
) as months

-- Pairs of steps further from the mean of their profile than it allows.
select
    cases.case_id,
    cases.site_no,
    one.source as source,
    later.source as target,
    (later.occurred_us - one.occurred_us) / 1e6 as seconds,
    profile.mean_s,
    abs((later.occurred_us - one.occurred_us) / 1e6 - profile.mean_s) / profile.spread_s as zeta
from transitions as one
join transitions as later
    on later.case_no = one.case_no and later.month = one.month
    and later.position > one.position and later.position <= one.position + ${reach}
join temporal_limits as profile
    on profile.source = one.source and profile.target = later.source
join cases on cases.case_no = one.case_no
where one.opened_us >= ${from_us} and one.opened_us < ${to_us}
    and one.month between ${from_month} and ${to_month}
    and (${site} < 0 or one.case_site_no = ${site})
    and abs((later.occurred_us - one.occurred_us) / 1e6 - profile.mean_s) > profile.allowed_s
order by zeta desc nulls last, cases.case_id, one.position, later.position

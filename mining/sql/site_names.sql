-- Numbers for sites not met before; 0 stands for "no site said".
select
    cast(${known} + row_number() over (order by site) as integer) as site_no,
    site
from (select distinct site from new_events where site is not null) as found
where site not in (select site from known_sites)

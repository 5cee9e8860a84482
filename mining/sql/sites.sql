-- The dictionary of sites.
select site_no, site from site_names order by site_no

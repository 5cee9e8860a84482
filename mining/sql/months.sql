-- The months in which cases began, and how many events those cases have.
select month, sum(events) as events from cases group by month order by month

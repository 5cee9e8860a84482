"""How much of what was shipped comes back, by the period in which it was shipped."""

import pandas as pd

from ingestion.lake import newest
from mining.metrics.metric import HOUR_US, Metric, Observations, shares
from mining.milestones import Milestones

WINDOW_DAYS = 60
_STAYED = 0.1
_SHIPPED = f"""
select
    coalesce(shipped.site, '') as site,
    epoch_us(coalesce(shipped.shipped_at, shipped.delivered_at)) as opened_us,
    cast(shipped.quantity_shipped as double) as units,
    least(coalesce(back.units, 0), cast(shipped.quantity_shipped as double)) as returned
from (
    select * from order_lines {newest("order_lines", "order_id", "order_line")}
) as shipped
left join (
    select order_id, order_line, sum(units) as units
    from (
        select events.case_id, max(links.object_id) as order_id, max(events.quantity) as units,
            max(get_json_object(events.extras, '$.order_line')) as order_line
        from log_events as events
        join log_objects as links on events.event_id = links.event_id
        where links.object_type = 'order' and events.activity in ('Request return', 'Create RMA')
        group by events.case_id
    ) as asked
    group by order_id, order_line
) as back on shipped.order_id = back.order_id and shipped.order_line = back.order_line
where shipped.quantity_shipped > 0
"""


def _return_rate(facts: Milestones) -> Observations:
    """Order lines shipped in the slice; none where only those that came back are known."""
    rows: pd.DataFrame = facts.log.engine.select(_SHIPPED).to_pandas()
    rows = rows.astype({"opened_us": float, "site": object})
    names = {number: name for name, number in facts.log.sites.items()}
    where = facts.where
    kept = rows["opened_us"].between(where["from_us"], min(where["to_us"] - 1, facts.as_of_us))
    if where["site"] >= 0:
        kept &= rows["site"] == names[where["site"]]
    if (rows["returned"] == 0).mean() < _STAYED:
        kept &= False  # a list of returns, not of shipments
    rows = rows[kept]
    age_days = (facts.as_of_us - rows["opened_us"]) / HOUR_US / 24
    waiting = (rows["returned"] < rows["units"]) & (age_days < WINDOW_DAYS)
    return shares(rows, rows["returned"], of=rows["units"], still_open=waiting)


METRICS = (
    Metric(
        id="return_rate",
        name="Return rate",
        formula="Units asked to be returned over units shipped, by the order line's shipment. "
        "Measured only where the order lines also hold shipments that stayed (at least a tenth).",
        unit="share",
        grain="shipped order line, weighted by units",
        censoring=f"Order lines younger than {WINDOW_DAYS} days may still come back: they count "
        "as not returned so far and are open. The period is that of the shipment.",
        owner="sales",
        everywhere=False,
        measure=_return_rate,
    ),
)

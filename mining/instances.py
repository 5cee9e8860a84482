"""Activity instances from events: pair starts with ends, estimate a start where only an end is."""

import pandas as pd

from ingestion.vocabulary import Activity
from mining.engine import fetch_frame
from mining.log import EventLog

STARTS = {
    Activity.A12.value: Activity.A13.value,
    Activity.A20S.value: Activity.A20.value,
}
SHORTEST_TOUCH_US = 60_000_000
USUAL_TOUCH_US = 600_000_000


def activity_instances(log: EventLog, where: dict[str, int]) -> pd.DataFrame:
    """Instances of the slice's lines.

    A person's start, where only the end is logged, is the latest of: the end of that person's work
    before, the step before in the same line, and the end less the usual touch time of that step
    (the median of ends that follow the same person's last one at once).

    Returns
    -------
    frame with columns case_id, site, activity, resource, human, dated_only, start_us, end_us
    """
    events = fetch_frame(log.engine, "bottleneck_events", **where)
    names = {number: name for name, number in log.sites.items()}
    events["site"] = events.pop("site_no").map(names).astype(object)
    events["human"] = events["human"].eq(1) & events["resource"].notna()
    events["resource"] = events["resource"].astype(object).where(events["resource"].notna(), "")
    work = _paired(events)
    return _with_estimates(work)


def _paired(events: pd.DataFrame) -> pd.DataFrame:
    """Give each end its start where one was logged, in the order of the line."""
    opened = events["activity"].map(STARTS)
    starts = events[opened.notna()].assign(ends=opened.dropna())
    starts["nth"] = starts.groupby(["case_id", "ends"]).cumcount()
    ends = events[opened.isna()].copy()
    ends["nth"] = ends.groupby(["case_id", "activity"]).cumcount()
    keys = starts.rename(columns={"end_us": "start_us", "ends": "of"})
    joined = ends.merge(
        keys[["case_id", "of", "nth", "start_us"]],
        left_on=["case_id", "activity", "nth"],
        right_on=["case_id", "of", "nth"],
        how="left",
    ).drop(columns=["of", "nth"])
    logged = joined["start_us"] <= joined["end_us"]
    return joined.assign(start_us=joined["start_us"].where(logged))


def _with_estimates(work: pd.DataFrame) -> pd.DataFrame:
    work["step_before"] = work.groupby("case_id")["end_us"].shift().astype("float64")
    people = work[work["human"]].sort_values(["resource", "end_us"], kind="stable")
    before = people.groupby("resource")["end_us"].shift().astype("float64")
    known_from = pd.concat([before, people["step_before"]], axis=1).max(axis=1)
    at_once = before >= people["step_before"]
    gap = (people["end_us"] - before).where(at_once & people["start_us"].isna())
    usual = gap.groupby([people["site"], people["activity"]], dropna=False).transform("median")
    touch = usual.fillna(USUAL_TOUCH_US).clip(lower=SHORTEST_TOUCH_US)
    usual_start = people["end_us"] - touch
    guess = usual_start.where(~(known_from > usual_start), known_from)
    begun = people["start_us"].fillna(guess).clip(upper=people["end_us"].astype("float64"))
    start = work["end_us"].astype("float64")
    start[begun.index] = begun
    return work.assign(start_us=start.astype("int64")).drop(columns="step_before")

"""Variants: the distinct traces of a slice and how many cases took each; case durations."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mining.engine import fetch_frame
from mining.log import EventLog, Moment
from mining.objects import LINE, log_of_objects


@dataclass(frozen=True, slots=True)
class Variants:
    """The most frequent ways through the process.

    Parameters
    ----------
    variants : int
        Distinct traces in the slice.
    top : frame with columns count, share, coverage, activities
        By count descending, then activities; ``share`` of the cases (0-1), ``coverage`` of this
        and all more frequent ones together; ``activities`` is a tuple of names.
    """

    variants: int
    cases: int
    top: pd.DataFrame = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine variants``."""
        top = [
            {"count": int(count), "activities": list(activities)}
            for count, activities in zip(self.top["count"], self.top["activities"], strict=True)
        ]
        return {"variants": self.variants, "cases": self.cases, "top": top}


def variants(
    log: EventLog,
    *,
    top: int | None = 20,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    object_type: str = LINE,
) -> Variants:
    """Count the distinct traces of the cases of a site that began in [start, end).

    Parameters
    ----------
    top : int or None
        How many to spell out; None for all.
    object_type : str
        What a case is, as for ``directly_follows_graph``.
    """
    log = log_of_objects(log, object_type)
    where = log.slice(site=site, start=start, end=end)
    counts = log.ask("variant_counts", **where).to_pandas()
    cases = int(counts["n"].sum())
    found = _spelled_out(log, _frequent(counts, top))
    found = found.sort_values(["count", "activities"], ascending=[False, True], ignore_index=True)
    found = found if top is None else found.head(top)
    found["share"] = found["count"] / max(cases, 1)
    found["coverage"] = found["share"].cumsum()
    return Variants(len(counts), cases, found[["count", "share", "coverage", "activities"]])


def _frequent(counts: pd.DataFrame, top: int | None) -> pd.DataFrame:
    """The variants that may be among the top, ties at the edge included."""
    if top is None or len(counts) <= top:
        return counts
    if top <= 0:
        return counts.iloc[:0]
    least = np.partition(counts["n"].to_numpy(), len(counts) - top)[len(counts) - top]
    frequent: pd.DataFrame = counts[counts["n"] >= least]
    return frequent


def _spelled_out(log: EventLog, counts: pd.DataFrame) -> pd.DataFrame:
    asked = pa.table({"case_no": pa.array(counts["example_no"], pa.int32())})
    log.engine.register("asked_cases", asked)
    rows = log.engine.fetch("traces")
    log.engine.drop("asked_cases")
    names = log.activities
    by_case = {
        case: tuple(names[step % 65_536] for step in steps)
        for case, steps in zip(rows["case_no"].to_pylist(), rows["steps"].to_pylist(), strict=True)
    }
    return pd.DataFrame(
        {
            "count": counts["n"].to_numpy(),
            "activities": [by_case[case] for case in counts["example_no"]],
        }
    )


def case_durations(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> pd.DataFrame:
    """Time from the first to the last event of each case, finished or not.

    Returns
    -------
    frame with columns case_id, events, duration_s
    """
    where = log.slice(site=site, start=start, end=end)
    return fetch_frame(log.engine, "case_durations", **where)

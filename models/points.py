"""Points in the life of open return lines, and how long each still took: prefix material.

A point is a line as it was known at some moment: its last recorded activity, how long it has
lived and waited, and its attributes. The answer is the time from then to the recorded end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd

from ingestion.lake import literal
from ingestion.vocabulary import MESSAGE_ACTIVITIES, Activity
from models.arrays import Floats, Ints
from models.errors import NotEnoughHistory
from models.examples import LINES_NEEDED, plain
from models.facts import read_frame
from models.snapshots import FIELDS as SNAPSHOT_FIELDS
from models.snapshots import Moment, take_snapshots
from models.splits import SHARES, Slices, split

ENDS: Final = (Activity.X03, Activity.X05, Activity.X06)
"""Activities that end a return line; the first one recorded counts."""

LEAST_SHARE: Final = 0.2
"""No point counts for more than five others."""

PER_LINE: Final = 4
"""Points taken of each line: enough to see every stage, few enough to keep lines equal."""


def take_points(
    con: duckdb.DuckDBPyConnection, *, seed: int = 0, until: datetime | None = None
) -> pd.DataFrame:
    """Take up to ``PER_LINE`` points of every line, half of them between two events.

    Parameters
    ----------
    con : connection with a view ``events``
    until : datetime, UTC, optional
        Only what was recorded by then is read; all without it.

    Returns
    -------
    DataFrame, oldest point first
        ``case_id``, ``asked_at``, ``last_activity``, ``last_activity_at``, ``begun_at``,
        ``events_so_far`` and ``ended_at`` (missing while the line is open).
    """
    ends = ", ".join(literal(activity.value) for activity in ENDS)
    chatter = ", ".join(literal(name) for name in sorted(MESSAGE_ACTIVITIES))
    known = "" if until is None else f"and known_at <= timestamptz {literal(until.isoformat())}"
    return read_frame(
        con,
        f"""
        with fact as (
            select case_id, activity, source_seq, event_id,
                coalesce(recorded_at, occurred_at) as known_at
            from events where activity not in ({chatter})
        ), told as (
            select *,
                row_number() over line as events_so_far,
                lead(known_at) over line as next_at,
                min(known_at) over (partition by case_id) as begun_at,
                min(case when activity in ({ends}) then known_at end)
                    over (partition by case_id) as ended_at
            from fact where true {known}
            window line as (partition by case_id order by known_at, source_seq, event_id)
        ), drawn as (
            select *, hash(case_id, events_so_far, {seed}) as draw from told
            where known_at < ended_at or ended_at is null
            qualify row_number() over (partition by case_id order by draw) <= {PER_LINE}
        )
        select case_id, activity as last_activity, known_at as last_activity_at, begun_at,
            events_so_far, ended_at,
            case when draw % 2 = 0 or next_at is null then known_at
                else known_at + (next_at - known_at) * ((draw // 2) % 1000 / 1000.0) end
                as asked_at
        from drawn order by asked_at, case_id, events_so_far
        """,
    )


@dataclass(frozen=True, slots=True)
class Points:
    """Points with known answers, oldest first.

    Parameters
    ----------
    days : array of shape (points,)
        From the point to the end of its line.
    weight : array of shape (points,)
        Inverse probability that a line this long had ended when the log did: long lines are
        under-represented among the finished ones.
    case : array of shape (points,)
        Number of the RMA.
    """

    columns: dict[str, list[Any]]
    days: Floats
    weight: Floats
    case: Ints
    slices: Slices

    def take(self, rows: Ints) -> dict[str, list[Any]]:
        """Columns of some points."""
        return {name: [values[row] for row in rows] for name, values in self.columns.items()}


def points(con: duckdb.DuckDBPyConnection, task: str, fields: Sequence[str]) -> Points:
    """Take points, join what was known of the line then, split by time and whole RMA.

    Raises
    ------
    NotEnoughHistory
        Too few lines have ended.
    """
    frame = _described(con, take_points(con)).rename(columns={"ended_at": "answered_at"})
    frame = frame.sort_values(["asked_at", "case_id"], kind="stable").reset_index(drop=True)
    ended = frame.loc[frame["answered_at"].notna(), "case_id"].nunique()
    if ended < LINES_NEEDED:
        raise NotEnoughHistory(task, ended, LINES_NEEDED)
    slices = split(frame, by="begun_at", purge=False)
    days = (frame["answered_at"] - frame["asked_at"]).dt.total_seconds().to_numpy() / 86_400.0
    known = ~np.isnan(days)
    fit, tune, calibrate, test = (_only(getattr(slices, name), known) for name in SHARES)
    kept = Slices(fit, tune, calibrate, test, purged=slices.purged)
    frame["as_of"] = frame["asked_at"]
    blank: list[Any] = [None] * len(frame)
    return Points(
        columns={n: plain(frame[n]) if n in frame.columns else list(blank) for n in fields},
        days=days,
        weight=_weights(frame, days),
        case=np.asarray(pd.factorize(frame["case_id"].str.rpartition(":")[0])[0]),
        slices=kept,
    )


def _only(rows: Ints, known: Any) -> Ints:
    kept: Ints = rows[known[rows]]
    return kept


def _described(con: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> pd.DataFrame:
    """Add attributes stated with the request, and the condition once inspected."""
    wanted = ("site", "sku", "quantity", "channel", "policy", "carrier", "unit_price",
              "resolution_requested")  # fmt: skip
    fields = [field for field in SNAPSHOT_FIELDS if field.name in wanted]
    asked = take_snapshots(con, fields, asked=Moment.REQUESTED).drop(columns="asked_at")
    seen = [field for field in SNAPSHOT_FIELDS if field.name in ("site", "sku", "condition")]
    found = take_snapshots(con, seen).rename(columns={"asked_at": "found_at"})
    joined = frame.merge(asked, on="case_id", how="left")
    joined = joined.merge(found, on="case_id", how="left", suffixes=("", "_found"))
    later = joined["found_at"].isna() | (joined["found_at"] > joined["asked_at"])
    for name in ("site", "sku"):  # a blind receipt is told by the dock alone
        joined[name] = joined[name].fillna(joined[f"{name}_found"].mask(later))
    joined["condition"] = joined["condition"].mask(later)
    return joined.drop(columns=["found_at", "site_found", "sku_found"])


def _weights(frame: pd.DataFrame, days: Floats) -> Floats:
    """One over the share of points that had this much time left when the log ended."""
    room = (frame["asked_at"].max() - frame["asked_at"]).dt.total_seconds().to_numpy() / 86_400.0
    share = 1.0 - np.searchsorted(np.sort(room), days, side="left") / max(len(room), 1)
    weight: Floats = 1.0 / np.maximum(share, LEAST_SHARE)
    return weight

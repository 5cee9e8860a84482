"""What the bottlenecks page reads: waits by site, step and cause, with their money."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

import mining
from dashboard.reads import Slice, State, open_log


@dataclass(frozen=True, slots=True)
class Wait:
    """The part of the wait before a step that one cause explains.

    ``site`` is empty for services all sites share; ``wait_h`` is the mean per step, in hours;
    money is in the currency of the log, per calendar day of the slice.
    """

    site: str
    activity: str
    cause: str
    owner: str
    steps: int
    wait_h: float
    total_h: float
    money_per_day: float


@st.cache_data(max_entries=16, show_spinner="Splitting the waits")
def read_waits(state: State, chosen: Slice) -> tuple[Wait, ...]:
    """Read the waits of a slice, the dearest first."""
    with open_log(state) as log:
        frame = mining.bottlenecks(log, **chosen.bounds).frame
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return tuple(Wait(**row | {"site": row["site"] or ""}) for row in rows)

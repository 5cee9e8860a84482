"""Where do lines wait, why, whose is it, and what does it cost a day?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import streamlit as st

from dashboard import bottleneck_reads, formats, kpi_reads, surface
from dashboard.bottleneck_reads import Wait
from dashboard.charts.figures import draw_facts
from dashboard.charts.site_bars import SiteBar, draw_site_bars
from dashboard.charts.waits import CAUSES, CausePart, StepWait, draw_waits
from dashboard.views import page

LISTED = 15
SHARED = "all sites"


def show() -> None:
    """Draw the page."""
    home = page.open_home("Bottlenecks")
    if home is None:
        page.show_footer(None)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title("Bottlenecks", width="stretch")
        with st.container(horizontal=True, width=460, gap="small"):
            chosen, _ = page.choose_slice(home.facts)
    waits = bottleneck_reads.read_waits(home.state, chosen)
    st.caption(page.describe(chosen))
    if not waits:
        st.info("No line waited in this slice.")
        page.show_footer(home)
        return
    money = kpi_reads.read_money(home.state, chosen)
    currency = money.currency if money else ""
    surface.show_panel(draw_facts(_facts(waits, currency)), key="facts")
    left, right = st.columns([0.64, 0.36], gap="large")
    with left:
        st.subheader("Steps by what waiting for them costs")
        surface.show_panel(draw_waits(by_step(waits)[:LISTED], currency=currency), key="waits")
    with right:
        st.subheader("By cause")
        causes = _bars(waits, lambda wait: _cause(wait.cause), currency)
        surface.show_panel(draw_site_bars(causes, label="Money per day", mark=False), key="causes")
        st.subheader("By owner")
        owners = _bars(waits, lambda wait: wait.owner.capitalize(), currency)
        surface.show_panel(draw_site_bars(owners, label="Money per day", mark=False), key="owners")
    st.caption(
        "Cost of waiting: value of the line, times the days waited, times capital cost and ageing."
    )
    page.show_footer(home)


def _cause(cause: str) -> str:
    return CAUSES[cause][0] if cause in CAUSES else cause.capitalize()


def _facts(waits: Iterable[Wait], currency: str) -> dict[str, str]:
    waits = list(waits)
    ours = [wait for wait in waits if wait.cause != "external"]
    dearest = by_step(ours)[:1]
    inside = sum(wait.money_per_day for wait in ours)
    return {
        "Waiting costs": f"{formats.money(sum(w.money_per_day for w in waits), currency)} a day",
        "Of it in our own hands": f"{formats.money(inside, currency)} a day",
        "Waiting in our own hands": _line_days(sum(w.total_h for w in ours)),
        "Dearest step of ours": dearest[0].title if dearest else formats.MISSING,
    }


def _line_days(hours: float) -> str:
    return f"{formats.number(hours / 24)} line-days"


def by_step(waits: Iterable[Wait]) -> list[StepWait]:
    """Gather the causes of each step at each site; the dearest first."""
    gathered: dict[tuple[str, str, str], list[Wait]] = defaultdict(list)
    for wait in waits:
        gathered[wait.site, wait.activity, wait.owner].append(wait)
    steps = [
        StepWait(
            id=f"{site} {activity}",
            title=f"{activity}, {site or SHARED}",
            owner=owner,
            steps=parts[0].steps,
            parts=tuple(
                CausePart(part.cause, part.wait_h, part.money_per_day)
                for part in sorted(parts, key=lambda part: -part.money_per_day)
            ),
        )
        for (site, activity, owner), parts in gathered.items()
    ]
    return sorted(steps, key=lambda step: (-step.money_per_day, -step.hours, step.title))


def _bars(waits: Iterable[Wait], key: Callable[[Wait], str], currency: str) -> list[SiteBar]:
    money: dict[str, float] = defaultdict(float)
    hours: dict[str, float] = defaultdict(float)
    for wait in waits:
        money[key(wait)] += wait.money_per_day
        hours[key(wait)] += wait.total_h
    return [
        SiteBar(
            name,
            money[name],
            f"{formats.money(money[name], currency)} a day",
            _line_days(hours[name]),
        )
        for name in sorted(money, key=lambda name: (-money[name], name))
    ]

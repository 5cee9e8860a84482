"""What every page shares: opening the home, the filter row, the empty state, the footer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

from dashboard import formats, reads
from dashboard.reads import Facts, Slice, State
from ingestion.licence import source_archive, source_url

ALL_SITES = "All sites"
PERIODS = {
    "All time": None,
    "Last 4 weeks": 4,
    "Last 13 weeks": 13,
    "Last 26 weeks": 26,
    "Last 52 weeks": 52,
}
CUSTOM = "Custom"
SOURCE = "Source code (AGPL-3.0-or-later)"


@dataclass(frozen=True, slots=True)
class Home:
    """An opened home: the state of its lake and what is in it."""

    state: State
    facts: Facts


def open_home(title: str) -> Home | None:
    """Open the configured home, or explain in one sentence why there is nothing to see."""
    settings = reads.current_settings()
    state = reads.current_state(settings)
    facts = None if state.is_empty else reads.read_facts(state)
    if facts is None or not facts.events:
        st.title(title)
        show_empty(str(settings.home))
        return None
    return Home(state, facts)


def show_empty(home: str) -> None:
    """Say that nothing is loaded yet, and what to run."""
    with st.container(border=True):
        st.markdown("**Nothing to show yet.**  \nThere are no events in this home:")
        st.code(home, language=None)
        st.markdown("Load an event log, or try the whole thing on simulated returns:")
        st.code("retrace ingest FILE\nretrace demo", language="bash")


def choose_site(facts: Facts) -> str | None:
    """Draw the site filter; None for all sites."""
    if not facts.sites:
        return None
    site = st.selectbox("Site", [ALL_SITES, *facts.sites], key="site", bind="query-params")
    return None if site in (ALL_SITES, None) else str(site)


def choose_slice(facts: Facts) -> tuple[Slice, Slice | None]:
    """Draw the site and period filters; return the slice and the period before it, if any."""
    chosen = choose_site(facts)
    names = [*_offered(facts), CUSTOM]
    period = st.selectbox("Cases that began in", names, key="period", bind="query-params")
    if facts.as_of is None or facts.first is None:
        return Slice(chosen), None
    last_day = facts.as_of.date()
    if period == CUSTOM:
        whole = (facts.first.date(), last_day)
        picked = st.date_input(
            "From and to",
            whole,
            min_value=whole[0],
            max_value=whole[1],
            key="days",
            bind="query-params",
        )
        start, end = _both(picked, facts.first.date(), last_day)
        return _with_previous(chosen, start, end + timedelta(days=1), first=facts.first.date())
    weeks = PERIODS.get(str(period))
    if not weeks:
        return Slice(chosen), None
    end = last_day + timedelta(days=1)
    return _with_previous(chosen, end - timedelta(weeks=weeks), end, first=facts.first.date())


def _offered(facts: Facts) -> list[str]:
    if facts.as_of is None or facts.first is None:
        return ["All time"]
    weeks = (facts.as_of - facts.first).days / 7
    return [name for name, length in PERIODS.items() if length is None or length < weeks]


def _both(picked: object, first: date, last: date) -> tuple[date, date]:
    days = [day for day in picked if isinstance(day, date)] if isinstance(picked, tuple) else []
    return (days[0], days[1]) if len(days) == 2 else (days[0] if days else first, last)


def _with_previous(
    site: str | None, start: date, end: date, *, first: date
) -> tuple[Slice, Slice | None]:
    """The slice and the equally long one before it, where the log reaches back that far."""
    before = Slice(site, start - (end - start), start)
    whole = before.start is not None and before.start >= first
    return Slice(site, start, end), before if whole else None


def describe(chosen: Slice) -> str:
    """Breadcrumb of the filters in force."""
    parts = [chosen.site or ALL_SITES]
    if chosen.start and chosen.end:
        last = chosen.end - timedelta(days=1)
        parts.append(f"{chosen.start:%-d %b %Y} to {last:%-d %b %Y}")
    else:
        parts.append("all time")
    return " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(parts)


def show_footer(home: Home | None) -> None:
    """Close the page with as-of date, state of the lake and the offer of the source."""
    st.divider()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if home is not None:
            as_of = formats.moment(home.facts.as_of)
            st.caption(f"As of {as_of}  \N{MIDDLE DOT}  {home.state.label}", width="content")
        address = source_url(default="")
        if address:
            st.caption(f"[{SOURCE}]({address})", width="content")
        else:
            st.download_button(
                SOURCE,
                source_archive,
                file_name="retrace.tar.gz",
                mime="application/gzip",
                key="source",
                type="tertiary",
                on_click="ignore",
            )

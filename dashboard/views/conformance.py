"""Where do lines leave the agreed process, and what does it cost?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import conformance_reads, exports, formats, kpi_reads, surface
from dashboard.charts.figures import draw_facts
from dashboard.charts.ranking import Item, draw_ranking
from dashboard.charts.site_bars import SiteBar, draw_site_bars
from dashboard.conformance_reads import BrokenRule, Judgement
from dashboard.views import page

CHOSEN = "rule"
LISTED = 200


def show() -> None:
    """Draw the page."""
    home = page.open_home("Conformance")
    if home is None:
        page.show_footer(None)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title("Conformance", width="stretch")
        with st.container(horizontal=True, width=460, gap="small"):
            chosen, _ = page.choose_slice(home.facts)
    found = conformance_reads.read_conformance(home.state, chosen)
    st.caption(page.describe(chosen))
    if not found.lines:
        st.info("No return lines in this slice, so there is nothing to hold against the rules.")
        page.show_footer(home)
        return
    money = kpi_reads.read_money(home.state, chosen)
    currency = money.currency if money else ""
    surface.show_panel(draw_facts(_facts(found, currency)), key="facts")
    left, right = st.columns([0.6, 0.4], gap="large")
    with left:
        st.subheader("Rules by money at stake")
        picked = _picked(found)
        items = [_item(rule, currency) for rule in found.rules]
        ranking = draw_ranking(items, chosen=picked, empty="Every line keeps to every rule.")
        surface.show_panel(ranking, key="rules", on_select=_pick)
    with right:
        if picked:
            _show_lines(found, picked, currency)
        st.subheader("By site, the closest to the standard first")
        bars = [
            SiteBar(
                site.site,
                1 - site.clean_share,
                formats.share(1 - site.clean_share),
                f"{formats.compact(site.violating_lines)} of {formats.compact(site.lines)} lines, "
                f"{formats.money(site.exposure, currency)} exposed, "
                f"{formats.share(site.fitness)} in order; dearest: "
                f"{', '.join(site.worst_rules) or 'none'}",
            )
            for site in found.sites
        ]
        surface.show_panel(draw_site_bars(bars, label="Lines that break a rule"), key="sites")
    page.show_footer(home)


def _facts(found: Judgement, currency: str) -> dict[str, str]:
    return {
        "Exposed, each line once per kind of loss": formats.money(found.exposure, currency),
        "Lines that keep to every rule": formats.share(1 - found.violating_lines / found.lines),
        "Lines that break a rule": formats.number(found.violating_lines),
        "Rules broken, of 32": formats.number(len(found.rules)),
    }


def _item(rule: BrokenRule, currency: str) -> Item:
    return Item(
        rule.id,
        rule.text,
        rule.stake,
        formats.money(rule.stake, currency),
        f"{formats.number(rule.cases)} {'line' if rule.cases == 1 else 'lines'}, {rule.group}",
        f"At stake: {rule.formula}",
    )


def _picked(found: Judgement) -> str | None:
    asked = st.query_params.get(CHOSEN, "")
    known = [rule.id for rule in found.rules]
    return asked if asked in known else (known[0] if known else None)


def _pick() -> None:
    clicked = st.session_state["rules"].get("selected")
    if clicked:
        st.query_params[CHOSEN] = clicked


def _show_lines(found: Judgement, rule: str, currency: str) -> None:
    lines = found.violations[found.violations["rule"] == rule]
    lines = lines.sort_values(["stake", "case_id"], ascending=[False, True])
    table = pd.DataFrame(
        {
            "case": lines["case_id"],
            "site": lines["site"],
            "opened": pd.to_datetime(lines["opened_us"], unit="us").dt.strftime("%Y-%m-%d"),
            "stake": lines["stake"],
        }
    )
    st.subheader(f"Lines that break {rule}")
    labels = {"case": "Case", "site": "Site", "opened": "Opened"}
    stake = f"Stake, {currency}" if currency else "Stake"
    st.dataframe(
        table.head(LISTED), hide_index=True, height=250, column_config=labels | {"stake": stake}
    )
    evidence = table.assign(rule=rule, evidence=[" ".join(ids) for ids in lines["evidence"]])
    st.download_button(
        f"Download {formats.number(len(table))} lines with evidence (CSV)",
        lambda: exports.to_safe_csv(evidence),
        file_name=f"{rule}.csv",
        mime="text/csv",
        on_click="ignore",
        width="stretch",
    )

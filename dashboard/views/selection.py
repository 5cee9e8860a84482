"""What is behind a box or an arrow of the map: its numbers and its cases."""

from __future__ import annotations

import streamlit as st

from dashboard import exports, formats, map_reads, surface
from dashboard.charts.figures import draw_figures
from dashboard.charts.map_graph import END, START, Path, ProcessGraph
from dashboard.charts.map_svg import edge_id
from dashboard.map_reads import Behind, MinedMap
from dashboard.reads import Slice
from dashboard.views import page

PARAMETER = "at"
LISTED = 200


def current() -> str | None:
    """Return what is selected: an activity's name or ``source -> target``."""
    return st.query_params.get(PARAMETER)


def keep() -> None:
    """Keep the click of the map in the address, so that a link shows the same thing."""
    clicked = st.session_state["map"].get("selected")
    if not clicked or clicked == current():
        st.query_params.pop(PARAMETER, None)
    else:
        st.query_params[PARAMETER] = clicked


def show(home: page.Home, mined: MinedMap, chosen: Slice) -> None:
    """Draw the details panel of the selection, or how to select."""
    name = current()
    with st.container(border=True):
        if name in mined.graph.number_of:
            _show_step(home, mined, chosen, str(name))
            return
        path = next((p for p in mined.graph.paths if edge_id(mined.graph, p) == name), None)
        if path is None:
            st.markdown("**Nothing selected**")
            st.caption(
                "Click an activity or a path for its numbers and its cases. "
                "Drag or scroll to move, Ctrl and scroll to zoom."
            )
            return
        _show_path(home, mined, chosen, path)


def _show_step(home: page.Home, mined: MinedMap, chosen: Slice, name: str) -> None:
    step = mined.graph.steps[mined.graph.number_of[name]]
    st.markdown(f"**{_plain(name)}**")
    _figures(
        {
            "Cases": f"{formats.number(step.cases)} ({formats.share(step.cases / mined.cases)})",
            "Events": formats.number(step.events),
            "Times per case": formats.number(step.events / step.cases),
        }
    )
    _show_cases(home, chosen, Behind(name))


def _show_path(home: page.Home, mined: MinedMap, chosen: Slice, path: Path) -> None:
    graph = mined.graph
    source, target = _end_name(graph, path.source), _end_name(graph, path.target)
    st.markdown(f"**{_plain(source)}** \N{RIGHTWARDS ARROW} **{_plain(target)}**")
    figures = {"Times": formats.number(path.count)}
    if not path.is_marker:
        figures |= {
            "Mean": formats.duration(path.mean_s),
            "Median": formats.duration(path.p50_s),
            "90th percentile": formats.duration(path.p90_s),
            "95th percentile": formats.duration(path.p95_s),
        }
    _figures(figures)
    ends = (None if path.source == START else source, None if path.target == END else target)
    _show_cases(home, chosen, Behind(*ends, is_path=True))


def _end_name(graph: ProcessGraph, number: int) -> str:
    return {START: "Start", END: "End"}.get(number) or graph.steps[number].name


def _plain(text: str) -> str:
    """Escape what Markdown would interpret."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>~$:" else c for c in text)


def _figures(rows: dict[str, str]) -> None:
    surface.show_panel(draw_figures(rows), key="figures")


def _show_cases(home: page.Home, chosen: Slice, behind: Behind) -> None:
    if not st.toggle("Show me the cases", key="cases"):
        return
    found = map_reads.read_cases(home.state, chosen, behind)
    if found.empty:
        st.caption("No cases.")
        return
    longest = 3600 * float(found["wait_hours"].max())
    unit, length = formats.unit_for(longest)
    listed = found[["case", "wait_hours", "case_days"]].head(LISTED)
    st.dataframe(
        listed.assign(wait_hours=(listed["wait_hours"] * 3600 / length).round(1)),
        hide_index=True,
        height=260,
        column_config={"case": "Case", "wait_hours": f"Wait, {unit}", "case_days": "Whole case, d"},
    )
    if len(found) > LISTED:
        st.caption(f"The {LISTED} with the longest wait; all are in the download.")
    st.download_button(
        f"Download {formats.number(len(found))} cases (CSV)",
        lambda: exports.to_safe_csv(found),
        file_name="cases.csv",
        mime="text/csv",
        on_click="ignore",
        width="stretch",
    )

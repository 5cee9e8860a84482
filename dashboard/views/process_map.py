"""What really happens: the directly-follows map, its paths and its variants."""

from __future__ import annotations

import streamlit as st

from dashboard import formats, map_reads, surface
from dashboard.charts import map_graph, variant_list
from dashboard.charts.map_layout import layout_map
from dashboard.charts.map_legend import draw_legend
from dashboard.charts.map_svg import METRICS, draw_map
from dashboard.map_reads import MinedMap
from dashboard.reads import Slice
from dashboard.views import differences, page, selection

MAP_HEIGHT = 740


def show() -> None:
    """Draw the page."""
    home = page.open_home("Process map")
    if home is None:
        page.show_footer(None)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.title("Process map", width="stretch")
        metric = st.segmented_control(
            "Show",
            list(METRICS),
            key="show",
            default="frequency",
            required=True,
            format_func=lambda name: METRICS[name][0],
            bind="query-params",
            width="content",
        )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen, before = page.choose_slice(home.facts)
        mined = map_reads.read_map(home.state, chosen)
        steps, share = _choose_detail(mined)
    if not mined.graph.steps:
        st.info(f"No cases began in this slice: {page.describe(chosen)}. Widen the filters.")
        page.show_footer(home)
        return
    left, right = st.columns([0.73, 0.27], gap="medium")
    with left:
        _draw(home, mined, chosen, metric=str(metric), steps=steps, share=share)
    with right:
        selection.show(home, mined, chosen)
        _show_variants(home, chosen)
    differences.show(home, chosen, before)
    page.show_footer(home)


def _choose_detail(mined: MinedMap) -> tuple[int, float]:
    count = len(mined.graph.steps)
    steps = count
    if count > 2:
        steps = st.slider(
            f"Activities (of {count})",
            2,
            count,
            map_graph.default_steps(mined.graph),
            key="activities",
            bind="query-params",
        )
    percent = round(100 * map_graph.default_share(mined.graph, steps))
    share = st.slider(
        "Paths", 0, 100, percent, step=1, format="%d %%", key="paths", bind="query-params"
    )
    return steps, share / 100


def _draw(
    home: page.Home, mined: MinedMap, chosen: Slice, *, metric: str, steps: int, share: float
) -> None:
    graph = mined.graph
    paths = map_graph.visible_paths(graph, steps=steps, share=share)
    place_of = map_reads.read_places(home.state)
    places = {number: place_of[step.name] for number, step in enumerate(graph.steps)}
    layout = layout_map(places, range(steps), paths)
    surface.show_map(
        draw_map(graph, layout, metric=metric, selected=selection.current()),
        bounds=layout.bounds,
        legend=draw_legend(paths, metric, happy=bool(graph.happy_path)),
        view_key=f"{home.state.home} {steps}",
        height=MAP_HEIGHT,
        key="map",
        on_select=selection.keep,
    )
    hidden = len(graph.steps) - steps
    parts = [
        page.describe(chosen),
        f"{formats.number(mined.cases)} cases",
        f"{formats.number(mined.events)} events",
        f"{len(paths)} of {len(graph.paths)} paths"
        + (f", {hidden} activities hidden" if hidden else ""),
        f"{formats.number(mined.cases_with_ties)} cases have neighbouring events at the same time",
        f"as of {formats.moment(home.facts.as_of)}",
    ]
    if mined.open_share is not None:
        parts.insert(2, f"{formats.share(mined.open_share)} still open")
    st.caption("  \N{MIDDLE DOT}  ".join(parts))


def _show_variants(home: page.Home, chosen: Slice) -> None:
    found = map_reads.read_variants(home.state, chosen)
    st.subheader("Variants")
    surface.show_panel(variant_list.draw_variants(found), key="variants")

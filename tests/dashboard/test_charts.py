"""Charts: what a frame becomes, and that nothing in it can become markup."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from dashboard.break_reads import place_breaks
from dashboard.charts.advice import draw_advice
from dashboard.charts.balance import Counters, draw_balance
from dashboard.charts.lateness import draw_lateness
from dashboard.charts.map_graph import Path, Step, to_process_graph
from dashboard.charts.map_labels import text_width, wrap_name
from dashboard.charts.map_layers import Place, place_steps
from dashboard.charts.map_layout import layout_map
from dashboard.charts.map_legend import draw_legend
from dashboard.charts.map_svg import Scale, draw_map
from dashboard.charts.markup import join, tag
from dashboard.charts.quality_table import QualityRow, draw_quality
from dashboard.charts.site_table import Cell, Column, draw_sites
from dashboard.charts.sparkline import Point
from dashboard.charts.summary import Summary, draw_summary
from dashboard.charts.tiles import Tile, draw_tiles
from dashboard.charts.trend import draw_trend
from dashboard.charts.variant_list import VariantCount, VariantTable, draw_variants, main_path
from dashboard.charts.waits import CausePart, StepWait, draw_waits

EVIL = '<img src=x onerror="alert(1)">'


def text_of(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup)).strip()


def weeks(*values, young=0, p90=None):
    monday = date(2026, 1, 5)
    return [
        Point(
            monday + timedelta(weeks=n),
            value,
            100 + n,
            p90=p90,
            open_share=0.1,
            immature=n >= len(values) - young,
        )
        for n, value in enumerate(values)
    ]


def test_text_is_escaped_and_markup_is_not():
    assert tag("b", EVIL, tag("i", "&")).count("<") == 4
    assert tag("b", data_tip=EVIL).count("<") == 2
    assert join([EVIL]).startswith("&lt;")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_lateness([EVIL]),
        lambda: draw_tiles([Tile(EVIL, EVIL, EVIL, "days", 1.0, 3, money=EVIL)]),
        lambda: draw_sites([Column("k", EVIL, "days", True, {EVIL: Cell(1.0, 2)})], [EVIL]),
        lambda: draw_balance([Counters(EVIL, 1, 1, 0, 0, EVIL)]),
        lambda: draw_variants(VariantTable(1, 1, (VariantCount(1, (EVIL,)),))),
        lambda: draw_summary(Summary(1.0, 2.0, 0.1, EVIL, 3.0, 0.2, EVIL)),
        lambda: draw_trend(weeks(1.0, 2.0), unit="days", label=EVIL),
        lambda: map_of(EVIL, "b"),
    ],
)
def test_a_name_from_a_log_never_becomes_markup(draw):
    assert "<img" not in draw()


def map_of(a, b, metric="frequency", selected=None):
    graph = to_process_graph(
        [Step(a, 9, 9), Step(b, 12, 6)],
        [(a, b, Path(0, 0, 6, 7200.0, 3600.0, 86400.0 * 3, 86400.0 * 4))],
        start={a: 9},
        end={b: 6, a: 3},
        happy_path=(a, b),
    )
    places = place_steps(graph, core=2)
    layout = layout_map(places, range(2), graph.paths)
    return draw_map(graph, layout, metric=metric, selected=selected)


def test_the_map_says_counts_or_humanised_durations():
    assert {"9 cases", "6 cases · 2.0x per case"} <= set(
        re.findall(r">([^<>]+)</text>", map_of("a", "b"))
    )
    assert ">60 min</text>" in map_of("a", "b", metric="median")
    assert ">3 d</text>" in map_of("a", "b", metric="p90")


def test_a_map_of_breaks_counts_breaks_and_has_no_durations():
    graph = to_process_graph(
        [Step("a", 7, 7), Step("b", 1, 1)],
        [("a", "b", Path(0, 0, 7))],
        start={},
        end={},
        counted="break",
    )
    drawing = draw_map(
        graph, layout_map(place_steps(graph, core=2), range(2), graph.paths), metric="frequency"
    )
    assert {"7 breaks", "1 break"} <= set(re.findall(r">([^<>]+)</text>", drawing))
    assert "Median" not in drawing and "Cases" not in drawing


def test_breaks_keep_the_places_of_the_process_map_without_its_gaps():
    graph = to_process_graph(
        [Step(name, 1, 1) for name in "abc"],
        [("a", "b", Path(0, 0, 2)), ("b", "c", Path(0, 0, 1))],
        start={},
        end={},
    )
    known = {"a": Place(2, 0), "b": Place(9, 4), "c": Place(9, -3), "other": Place(5, 1)}
    placed = place_breaks(graph, known)
    by_name = {graph.steps[number].name: place for number, place in placed.items()}
    assert by_name == {"a": Place(0, 0), "b": Place(1, 1), "c": Place(1, -1)}


def test_the_selected_part_is_marked():
    assert map_of("a", "b").count("selected") == 0
    assert map_of("a", "b", selected="a -> b").count("selected") == 1
    assert map_of("a", "b", selected="a").count("selected") == 1


def test_every_reference_in_the_map_has_its_target():
    drawing = map_of("a", "b")
    assert set(re.findall(r"url\(#([^)]+)\)", drawing)) <= set(
        re.findall(r' id="([^"]+)"', drawing)
    )


def test_colour_and_width_grow_with_the_value():
    scale = Scale(1.0, 1000.0)
    steps = [scale.step(value) for value in (1, 10, 100, 1000)]
    widths = [scale.width(value) for value in (1, 10, 100, 1000)]
    assert steps == sorted(steps) and steps[0] == 0 and steps[-1] == 5
    assert widths == sorted(set(widths))
    assert Scale(0.0, 0.0).step(None) == 0


def test_the_legend_names_the_ends_of_the_scale():
    paths = [Path(0, 1, 12, 1.0, 60.0, 120.0, 1.0), Path(1, 0, 4000, 1.0, 86400.0 * 9, 1.0, 1.0)]
    assert "12" in draw_legend(paths, "frequency", happy=True)
    assert "4k" in text_of(draw_legend(paths, "frequency", happy=True))
    assert text_of(draw_legend(paths, "median", happy=False)).startswith("Median wait: 60 s 9 d")


@pytest.mark.parametrize("name", ["x", "Receive", "a" * 90, "T02 Check " * 9, "", "  "])
def test_a_name_fits_its_box(name):
    rows = wrap_name(name, width=154, size=13)
    assert 1 <= len(rows) <= 2
    assert all(text_width(row, size=13) <= 154 for row in rows)


def test_a_tile_shows_value_change_count_and_open_share():
    tile = Tile("t", "Cycle", "From a to b.", "days", 9.24, 1234, 0.034, p90=28.0, change=-0.5)
    assert text_of(draw_tiles([tile])) == "Cycle i 9.2 d ↓ 12 h n 1,234 3.4 % open p90 28 d"


def test_less_time_is_good_and_less_accuracy_is_bad():
    faster = Tile("t", "", "", "days", 9.0, 1, change=-1.0, less_is_better=True)
    worse = Tile("t", "", "", "share", 0.9, 1, change=-0.05, less_is_better=False)
    assert "change good" in draw_tiles([faster])
    assert "change bad" in draw_tiles([worse]) and "5 pts" in draw_tiles([worse])


def test_a_tile_without_a_value_says_so():
    assert "–" in text_of(draw_tiles([Tile("t", "Cycle", "", "days", None, 0)]))


def test_a_tile_states_its_band_even_where_the_data_bound_one_end_only():
    tile = Tile("t", "Lag", "", "hours", 5.0, 9, band=(3.0, 8.0))
    assert "3 h to 8 h (95 %)" in text_of(draw_tiles([tile]))
    assert "end-of-day" not in draw_tiles([tile])
    assert "40 % rest on end-of-day files" in draw_tiles([replace(tile, dated_share=0.4)])
    assert "from 3 h (95 %)" in text_of(draw_tiles([replace(tile, band=(3.0, None))]))


def test_late_sources_are_said_the_first_four_by_name():
    assert draw_lateness([]) == ""
    assert text_of(draw_lateness(["DC4: wms: late"])).startswith("1 source is late")
    many = text_of(draw_lateness([f"S{n}: late" for n in range(7)]))
    assert many.startswith("7 sources are late") and "S3" in many
    assert "S4" not in many and "and 3 more" in many


def test_weeks_still_filling_up_are_set_apart():
    drawing = draw_trend(weeks(5.0, 6.0, 7.0, 8.0, young=2, p90=12.0), unit="days", label="x")
    assert "still filling up" in drawing and "line young" in drawing
    assert "still filling up" not in draw_trend(weeks(5.0, 6.0), unit="days", label="x")


def test_one_week_is_no_trend():
    assert "no trend" in draw_trend(weeks(5.0), unit="days", label="x")


def test_an_unreached_quantile_leaves_a_gap_not_a_wrong_line():
    points = weeks(5.0, float("inf"), 7.0, p90=float("inf"))
    assert "inf" not in draw_trend(points, unit="days", label="x").replace("infinite", "")
    assert "nan" not in draw_trend(points, unit="days", label="x")


def test_the_site_to_look_at_first_is_the_slowest_or_the_least_accurate():
    cells = {"A": Cell(3.0, 1), "B": Cell(9.0, 1)}
    assert Column("k", "", "days", True, cells).worst == "B"
    assert Column("k", "", "days", False, cells).worst == "A"
    assert Column("k", "", "days", None, cells).worst is None
    assert Column("k", "", "days", True, {"A": Cell(3.0, 1)}).worst is None


def test_counters_that_do_not_balance_are_called_out():
    assert "The counters balance" in draw_balance([Counters("A", 10, 7, 2, 1)])
    assert "do not balance" in draw_balance([Counters("A", 10, 7, 2, 0)])
    assert Counters("A", 10, 7, 2, 1).completeness == pytest.approx(7 / 8)


def test_variants_say_what_they_cover():
    top = (VariantCount(60, ("a", "b")), VariantCount(20, ("a",)))
    text = text_of(draw_variants(VariantTable(9, 100, top)))
    assert "9 variants; the 2 most frequent cover 80 % of the cases." in text
    assert "20 cases, 1 step" in text


def test_the_main_path_is_not_the_early_way_out():
    top = [
        VariantCount(9, ("ask", "reject")),
        VariantCount(5, ("ask", "send", "pay")),
        VariantCount(2, ("ask", "send", "lose", "pay")),
    ]
    steps = {("ask", "reject"): 9, ("ask", "send"): 40, ("send", "pay"): 38, ("send", "lose"): 2}
    assert main_path(top, steps) == ("ask", "send", "pay")
    assert main_path([], {}) == ()


ANSWER = {
    "policy": {"route": "review", "rules": [{"rule": "hazmat_item", "text": EVIL}]},
    "not_available": ["fraud", "supplier_recovery"],
    "disposition": {
        "recommended": "RESTOCK",
        "abstained": False,
        "abstained_because": None,
        "confidence": 0.91,
        "options": [
            {"disposition": "RESTOCK", "probability": 0.91, "expected_value": 120.5},
            {"disposition": "SCRAP", "probability": 0.05, "expected_value": -3.0},
        ],
        "prediction_set": ["RESTOCK"],
        "coverage": 0.9,
        "reasons": [{"text": EVIL, "weight": 1.0}],
        "currency": "USD",
        "model": "disposition",
        "version": "3",
        "data_version": "events@4",
    },
}


def test_advice_says_what_how_sure_why_and_who_decides():
    drawing = draw_advice(ANSWER)
    assert "<img" not in drawing
    for words in (
        "Restock",
        "91 % sure",
        "USD 120",
        "−USD 3",
        "A person decides",
        "supplier recovery",
    ):
        assert words in text_of(drawing)
    assert drawing.count('class="inside"') == 1


def test_advice_that_abstains_says_why():
    silent = ANSWER["disposition"] | {
        "recommended": None,
        "abstained_because": "too little history",
    }
    text = text_of(draw_advice(ANSWER | {"disposition": silent}))
    assert "No advice Abstained: too little history." in text


DURATION = {
    "p50": 3.2,
    "low": 0.9,
    "high": 8.8,
    "baseline": 4.1,
    "coverage": 0.9,
    "abstained": False,
    "abstained_because": None,
    "reasons": [{"text": "last activity Finish inspection", "weight": 1.0}],
    "model": "remaining_time",
    "version": "1",
    "data_version": "4",
}


def test_the_time_left_is_told_with_its_interval_beside_the_usual():
    text = text_of(draw_advice(ANSWER | {"remaining_time": DURATION}))
    assert "3.2 d 22 h to 8.8 d in 90 % of cases" in text
    assert "usually take 4.1 d" in text
    silent = DURATION | {"abstained": True, "abstained_because": "no as_of", "reasons": []}
    assert "No advice Abstained: no as_of." in text_of(
        draw_advice(ANSWER | {"remaining_time": silent})
    )
    endless = text_of(draw_advice(ANSWER | {"remaining_time": DURATION | {"high": None}}))
    assert "22 h to no upper limit" in endless


def test_a_duration_model_is_judged_in_days_a_classifier_in_shares():
    said = {
        "version": "1", "lines": 40, "gain": 0.2, "gain_low": 0.1, "gain_high": 0.3,
        "coverage": 0.9, "promised": 0.9, "abstained": 0.0, "latency_ms": 1.0,
    }  # fmt: skip
    rows = [
        QualityRow(task="reason", in_days=False, score=0.8, naive="declared", naive_score=0.7,
                   calibration_error=0.03, **said),
        QualityRow(task="remaining_time", in_days=True, score=2.75, naive="median",
                   naive_score=2.95, calibration_error=None, **said),
    ]  # fmt: skip
    text = text_of(draw_quality(rows))
    assert "80 % right" in text
    assert "2.8 d off" in text
    assert "0.20 d" in text


def test_waits_are_ranked_and_split_by_cause():
    parts = (CausePart("batching", 30.0, 50.0), CausePart("contention", 2.0, 4.0))
    drawing = draw_waits([StepWait("x", "Inspect, DC5", "site", 120, parts)], currency="USD")
    assert "USD 54 a day" in text_of(drawing)
    assert "32 h per step, 120 steps, site" in text_of(drawing)
    assert drawing.index('cause batching" style') < drawing.index('cause contention" style')


def test_the_summary_speaks_only_of_what_is_known():
    assert draw_summary(Summary()) == ""
    text = text_of(draw_summary(Summary(9.2, 28.0, 0.034, "DC4", 14.1)))
    assert text == (
        "Half of the return lines are done within 9.2 d , nine of ten within 28 d "
        "; 3.4 % are still open. Slowest is DC4 with a median of 14 d ."
    )
    assert "15 % were cancelled" in draw_summary(Summary(9.2, 28.0, 0.034, ended_share=0.15))

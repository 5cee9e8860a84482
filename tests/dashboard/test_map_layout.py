"""The process map's geometry, on graphs nobody drew by hand."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.charts.map_graph import (
    END,
    START,
    Path,
    Step,
    default_share,
    default_steps,
    to_process_graph,
    visible_paths,
)
from dashboard.charts.map_labels import place_labels
from dashboard.charts.map_layers import place_steps
from dashboard.charts.map_layout import layout_map
from dashboard.charts.map_svg import draw_map, label_text


def graph_of(text, happy="", start=None, end=None):
    """Make a graph from words: ``"a b 5, b c 3"``."""
    edges = [edge.split() for edge in text.split(",") if edge.strip()]
    names = list(dict.fromkeys(name for a, b, _ in edges for name in (a, b)))
    flow = {
        name: max(
            sum(int(n) for a, _, n in edges if a == name),
            sum(int(n) for _, b, n in edges if b == name),
        )
        for name in names
    }
    return to_process_graph(
        [Step(name, flow[name], flow[name]) for name in names],
        [(a, b, Path(0, 0, int(n), 60.0, 60.0, 90.0, 95.0)) for a, b, n in edges],
        start=start or {names[0]: flow[names[0]]},
        end=end or {names[-1]: flow[names[-1]]},
        happy_path=happy.split(),
    )


@st.composite
def graphs(draw, most=14):
    count = draw(st.integers(1, most))
    names = [f"activity {n}" for n in range(count)]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names))
    ends = draw(st.dictionaries(pairs, st.integers(1, 500), max_size=3 * count))
    chain = {(a, b): draw(st.integers(1, 500)) for a, b in itertools.pairwise(names)}
    steps = [Step(name, *([draw(st.integers(1, 900))] * 2)) for name in names]
    happy = draw(st.lists(st.sampled_from(names), max_size=6, unique=True))
    return to_process_graph(
        steps,
        [(a, b, Path(0, 0, n, 1.0, 1.0, 2.0, 3.0)) for (a, b), n in (chain | ends).items()],
        start={names[0]: 3, names[-1]: 1},
        end={names[-1]: 4},
        happy_path=happy,
    )


def drawn(graph, *, steps=None, share=1.0):
    count = len(graph.steps) if steps is None else steps
    places = place_steps(graph, core=default_steps(graph))
    paths = visible_paths(graph, steps=count, share=share)
    return layout_map(places, range(count), paths), paths


def samples(route):
    return [route.at(piece, t / 8) for piece in range(route.segments) for t in range(9)]


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_no_two_boxes_overlap(graph):
    layout, _ = drawn(graph)
    for a, b in itertools.combinations(layout.boxes.values(), 2):
        assert not a.touches(b)


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_every_visible_path_is_routed_from_its_source_to_its_target(graph):
    layout, paths = drawn(graph)
    assert sorted(r.path.ends for r in layout.routes) == sorted(p.ends for p in paths)
    for route in layout.routes:
        for number, point in ((route.path.source, 0), (route.path.target, -1)):
            box = layout.boxes[number]
            x, y = route.points[point]
            assert abs(x - box.x) <= box.width / 2 + 1e-6
            assert abs(y - box.y) <= box.height / 2 + 1e-6


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_no_path_runs_through_a_box_it_does_not_belong_to(graph):
    layout, _ = drawn(graph)
    for route in layout.routes:
        others = [b for n, b in layout.boxes.items() if n not in route.path.ends]
        for point, box in itertools.product(samples(route), others):
            assert not box.holds(point, margin=0.5), (route.kind, route.path.ends, box.number)


@given(graphs(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_boxes_stay_put_while_either_slider_moves(graph, share, part):
    whole, _ = drawn(graph)
    fewer, _ = drawn(graph, steps=max(1, round(part * len(graph.steps))), share=share)
    for number, box in fewer.boxes.items():
        assert box == whole.boxes[number]


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_the_same_graph_is_drawn_the_same_to_the_last_byte(graph):
    first, second = (draw_map(graph, drawn(graph)[0], metric="median") for _ in range(2))
    assert first == second


@given(graphs(), st.integers(1, 14), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_a_higher_path_slider_only_ever_adds_paths(graph, steps, one, other):
    steps = min(steps, len(graph.steps))
    low, high = sorted((one, other))
    fewer = {p.ends for p in visible_paths(graph, steps=steps, share=low)}
    more = {p.ends for p in visible_paths(graph, steps=steps, share=high)}
    assert fewer <= more


@given(graphs(), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_the_map_never_falls_apart(graph, share):
    for steps in range(1, len(graph.steps) + 1):
        reached, queue = set(), [0]
        paths = visible_paths(graph, steps=steps, share=share)
        while queue:
            number = queue.pop()
            if number in reached:
                continue
            reached.add(number)
            queue += [b for p in paths for a, b in (p.ends, p.ends[::-1]) if a == number]
        assert reached >= set(range(steps))


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_labels_touch_neither_boxes_nor_each_other(graph):
    layout, _ = drawn(graph)
    texts = {r.path.ends: label_text(r.path, "frequency") for r in layout.routes}
    labels = [label.box for label in place_labels(layout, texts).values()]
    for a, b in itertools.combinations([*labels, *layout.boxes.values()], 2):
        assert not a.touches(b)


def test_the_happy_path_runs_straight_down():
    graph = graph_of("ask check 9, check send 8, send pay 8, check reject 1", "ask check send pay")
    layout, _ = drawn(graph)
    boxes = [layout.boxes[graph.number_of[name]] for name in ("ask", "check", "send", "pay")]
    assert [box.x for box in boxes] == [0.0] * 4
    assert [box.y for box in boxes] == sorted(box.y for box in boxes)


def test_a_way_back_is_drawn_as_one():
    graph = graph_of("ask check 9, check send 8, send check 2, send send 1", "ask check send")
    kinds = {r.path.ends: r.kind for r in drawn(graph)[0].routes}
    number = graph.number_of
    assert kinds[number["send"], number["check"]] == "back"
    assert kinds[number["send"], number["send"]] == "loop"
    assert kinds[number["ask"], number["check"]] == "down"


def test_activities_that_follow_each_other_in_both_orders_stand_side_by_side():
    graph = graph_of("a left 9, a right 9, left right 9, right left 8, left z 9, right z 9")
    layout, _ = drawn(graph)
    left, right = (layout.boxes[graph.number_of[name]] for name in ("left", "right"))
    assert left.y == right.y


def test_a_crowded_log_is_readable_at_first_sight():
    names = [f"step {n:02}" for n in range(40)]
    edges = [
        (a, b, Path(0, 0, 1 + (7 * i + 13 * j) % 90 + (900 if j == i + 1 else 0)))
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if (i + 3 * j) % 5 == 0 or j == i + 1
    ]
    graph = to_process_graph(
        [Step(name, 1000 - 20 * n, 1000 - 20 * n) for n, name in enumerate(names)],
        edges,
        start={names[0]: 1000},
        end={names[-1]: 900},
        happy_path=names,
    )
    steps = default_steps(graph)
    assert len(edges) > 300
    assert steps <= 24
    assert len(visible_paths(graph, steps=steps, share=default_share(graph, steps))) < 90


def test_a_log_of_one_event_has_a_map():
    graph = to_process_graph([Step("only", 1, 1)], [], start={"only": 1}, end={"only": 1})
    layout, paths = drawn(graph)
    assert [p.ends for p in paths] == [(START, 0), (0, END)]
    assert "only" in draw_map(graph, layout, metric="p90")

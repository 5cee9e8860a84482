"""DECLARE constraints: the same figures as pm4py's, the textbook's meaning for every template."""

import re
from collections import Counter

import pandas as pd
import pm4py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mining import load
from mining.constraints import (
    NEGATIVE,
    STRONGER,
    TooManyActivities,
    check_constraints,
    declare,
    judge_constraints,
    judge_variants,
)
from mining.traces import Variants

THEIRS = {
    "existence": "existence",
    "absence": "absence",
    "exactly_one": "exactly one",
    "init": "init",
    "responded_existence": "responded existence",
    "coexistence": "coexistence",
    "noncoexistence": "not coexistence",
    "response": "response",
    "precedence": "precedence",
    "succession": "succession",
    "altresponse": "alternate response",
    "altprecedence": "alternate precedence",
    "altsuccession": "alternate succession",
    "chainresponse": "chain response",
    "chainprecedence": "chain precedence",
    "chainsuccession": "chain succession",
}


def figures(found):
    return {
        (row.template, row.first, row.second if isinstance(row.second, str) else None): (
            row.activated,
            row.activated - row.violated,
        )
        for row in found.frame.itertuples()
    }


def theirs(frame):
    table = pm4py.format_dataframe(
        frame.copy(), case_id="case_id", activity_key="activity", timestamp_key="occurred_at"
    )
    found = pm4py.discover_declare(
        table,
        allowed_templates=set(THEIRS),
        min_support_ratio=0.0,
        min_confidence_ratio=0.0,
    )
    said = {}
    for template, constraints in found.items():
        for names, figures in constraints.items():
            pair = (names, None) if isinstance(names, str) else names
            if figures["support"]:
                said[THEIRS[template], *pair] = (figures["support"], figures["confidence"])
    return said


def compared(frame):
    """Ours and theirs, symmetric templates listed once."""
    mine, other = figures(judge_constraints(load(frame))), theirs(frame)
    other = {
        key: value
        for key, value in other.items()
        if key[0] not in {"coexistence", "not coexistence"} or key[1] < key[2]
    }
    return {key: mine.get(key) for key in other}, other


@pytest.fixture(scope="module")
def running_example(shared_data):
    frame = pd.read_csv(shared_data / "eventlogs" / "running-example.csv")
    frame = frame.rename(
        columns={
            "case:concept:name": "case_id",
            "concept:name": "activity",
            "time:timestamp": "occurred_at",
        }
    )
    frame["case_id"] = frame["case_id"].astype(str)
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"], utc=True)
    return frame[["case_id", "activity", "occurred_at"]].sort_values("occurred_at")


def test_support_and_confidence_are_pm4pys_on_a_real_log(running_example):
    mine, other = compared(running_example)
    assert len(other) > 400
    assert mine == other


WORDS = st.lists(st.text("abc", min_size=1, max_size=7), min_size=1, max_size=6)


def judged(traces):
    """Figures of traces written as words of one-letter activities."""
    counts = Counter(traces)
    top = pd.DataFrame({"count": counts.values(), "activities": [tuple(t) for t in counts]})
    return figures(judge_variants(Variants(len(top), len(traces), top)))


MEANING = {  # of (a, b), as regular expressions over traces: when it applies, when it is kept
    "responded existence": ("a", "a.*b|b.*a"),
    "response": ("a", "^[^a]*(a.*b)*[^a]*$"),
    "alternate response": ("a", "^[^a]*(a[^a]*b[^a]*)*$"),
    "chain response": ("a", "^[^a]*(ab[^a]*)*$"),
    "precedence": ("b", "^[^b]*(a.*b)*[^b]*$"),
    "alternate precedence": ("b", "^[^b]*(a[^b]*b[^b]*)*$"),
    "chain precedence": ("b", "^[^b]*(ab[^b]*)*$"),
    "not coexistence": ("a|b", "^[^a]*$|^[^b]*$"),
    "not succession": ("a", "^[^a]*(a[^b]*)*$"),
    "not chain succession": ("a", "^(?!.*ab).*$"),
}


@settings(max_examples=50, deadline=None)
@given(WORDS)
def test_every_template_means_what_the_textbook_says(traces):
    traces = ["abc", *traces]  # so that every activity occurs
    mine = judged(traces)
    for template, (applies, kept) in MEANING.items():
        active = [trace for trace in traces if re.search(applies, trace)]
        good = [trace for trace in active if re.search(kept, trace)]
        expected = (len(active), len(good)) if active else None
        assert mine.get((template, "a", "b")) == expected, template


@settings(max_examples=50, deadline=None)
@given(WORDS)
def test_a_stronger_template_is_kept_only_where_the_weaker_one_is(traces):
    mine = judged(traces)
    broken = Counter({key: active - good for key, (active, good) in mine.items()})
    for weak, strong_ones in STRONGER.items():
        for template, first, second in list(mine):
            if template in strong_ones:
                assert broken[weak, first, second] <= broken[template, first, second]


def test_only_frequent_constraints_are_listed_and_the_strongest_of_each_kind(log_of):
    log = load(log_of(*["a b c"] * 19, "a c b"))
    listed = declare(log, min_confidence=0.9).frame
    names = set(zip(listed["template"], listed["first"], listed["second"], strict=True))
    assert ("chain succession", "a", "b") in names
    assert not {"response", "precedence", "succession"} & {
        template for template, first, second in names if (first, second) == ("a", "b")
    }
    assert not NEGATIVE & set(listed["template"])
    weak = declare(log, min_confidence=0.9, strongest=False, negative=True).frame
    assert {"response", "not chain succession"} <= set(weak["template"])


def test_constraints_of_one_site_are_checked_at_another(log_of):
    good = log_of(*["a b c"] * 5, site="NORTH")
    bad = log_of("a b c", "a c", "a c", site="SOUTH").assign(case_id=lambda f: "s" + f["case_id"])
    log = load(pd.concat([good, bad]))
    standard = declare(log, site="NORTH")
    there = check_constraints(log, standard, site="SOUTH").frame
    worst = there.iloc[0]
    assert worst["violated"] == 2
    assert there["violated"].sum() > 0
    assert check_constraints(log, standard, site="NORTH").frame["violated"].sum() == 0


def test_too_many_activities_are_refused_with_advice(log_of):
    with pytest.raises(TooManyActivities, match="Narrow the slice"):
        declare(load(log_of(" ".join(f"step{n}" for n in range(101)))))

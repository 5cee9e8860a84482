"""The order of work: learned from former breaks, calibrated, and without any say in matching."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ingestion.database import engine
from ingestion.settings import Settings
from mining import load, reconcile
from mining.reconciliation.life import RETRACE, BreakLog, Life, Step
from mining.reconciliation.ranking import (
    FixedRule,
    fit_baseline,
    fit_clearing,
    rank_breaks,
    spells_of,
)

DAY0 = datetime(2026, 3, 1, tzinfo=UTC)
NOW = DAY0 + timedelta(days=90)


def life(number, kind, *steps, age=0.0):
    """A life of a type: steps are (name, day, actor)."""
    name = f"BR{number}"
    facts = {"type": kind, "age_days": age, "value_at_risk": 10.0, "break_id": name}
    told = [Step(name, "opened", DAY0, DAY0, RETRACE, "", None, facts)]
    for step, day, actor in steps:
        told.append(Step(name, step, NOW, DAY0 + timedelta(days=day), actor, "x"))
    status = "closed" if steps and steps[-1][0] == "closed" else "open"
    return Life(name, status, None, facts, tuple(told))


def drawn(kind, rate, count, seed):
    """Lives that clear themselves at a known daily rate; censored at 90 days."""
    rng = np.random.default_rng(seed)
    ends = rng.exponential(1 / rate, count)
    return [
        life(f"{kind}{i}", kind, *([("closed", end, RETRACE)] if end < 90 else []))
        for i, end in enumerate(ends)
    ]


def test_known_rates_are_learned_again():
    lives = drawn("B01", 0.10, 3000, 1) + drawn("B15", 0.01, 3000, 2)
    model = fit_clearing(lives, known_at=NOW)
    # standard error of a rate from n clearings is rate / sqrt(n): below 3 % here in every band
    for kind, rate in (("B01", 0.10), ("B15", 0.01)):
        for horizon in (7.0, 30.0):
            expected = 1 - np.exp(-rate * horizon)
            assert model.chance(kind, 5.0, horizon_days=horizon) == pytest.approx(
                expected, rel=0.12
            )
    assert model.chance("B99", 5.0) == model.chance("", 5.0)


def test_what_people_settle_says_nothing_about_clearing_itself():
    [spell] = spells_of(life(1, "B01", ("closed", 4, "ann")), known_at=NOW)
    assert (spell.end, spell.cleared) == (4.0, False)
    [spell] = spells_of(
        life(1, "B01", ("corrected", 3, "ann"), ("closed", 9, RETRACE)), known_at=NOW
    )
    assert (spell.end, spell.cleared) == (3.0, False)
    [spell] = spells_of(life(1, "B01", ("assigned", 2, "ann")), known_at=NOW)
    assert (spell.end, spell.cleared) == (90.0, False)


def test_without_history_a_fixed_rule_decides():
    model = fit_clearing([life(1, "B01")], known_at=NOW)
    assert model == FixedRule(0)
    rows = [
        {"break_id": "BRb", "type": "B01", "age_days": 3, "value_at_risk": 5.0},
        {"break_id": "BRa", "type": "B01", "age_days": 9, "value_at_risk": 5.0},
        {"break_id": "BRc", "type": "B03", "age_days": 0, "value_at_risk": 50.0},
        {"break_id": "BRd", "type": "B15", "age_days": 0, "value_at_risk": 7.0},
    ]
    ranked = rank_breaks(rows, model)
    assert ranked["break_id"].tolist() == ["BRd", "BRa", "BRb", "BRc"]
    assert ranked["rank"].tolist() == [1, 2, 3, 4]


def test_a_break_likely_to_clear_ranks_below_a_smaller_one_that_stays():
    lives = drawn("B01", 0.2, 300, 3) + drawn("B15", 0.001, 300, 4)
    rows = [
        {"break_id": "BRx", "type": "B01", "age_days": 2.0, "value_at_risk": 100.0},
        {"break_id": "BRy", "type": "B15", "age_days": 2.0, "value_at_risk": 40.0},
    ]
    ranked = rank_breaks(rows, fit_clearing(lives, known_at=NOW))
    assert ranked["break_id"].tolist() == ["BRy", "BRx"]
    assert ranked["value_at_risk"].tolist() == [40.0, 100.0]
    plain = rank_breaks(rows, fit_baseline(lives, known_at=NOW))
    assert plain["break_id"].tolist() == ["BRx", "BRy"]


@pytest.mark.slow
def test_the_model_beats_one_rate_for_all_on_a_later_month(small_home, tmp_path):
    log = load(small_home)
    opened = engine(Settings.load(tmp_path))
    book = BreakLog(opened)
    end = log.as_of
    moments = [end - timedelta(days=days) for days in range(36, -1, -3)]
    for moment in moments:
        book.record(reconcile(log, as_of=moment), at=end)
    split = moments[len(moments) // 2]
    past, whole = book.lives(as_of=split), book.lives()
    opened.dispose()
    horizon = (end - split) / timedelta(days=1)
    model = fit_clearing(past.values(), known_at=split)
    plain = fit_baseline(past.values(), known_at=split)
    assert model.cleared >= 30
    errors = {"model": [], "baseline": []}
    expected = cleared = 0.0
    for name, then in past.items():
        if then.status == "closed":
            continue
        gone = any(s.kind == "closed" for s in whole[name].steps[len(then.steps) :])
        age = then.facts["age_days"] + (split - then.steps[-1].known_at) / timedelta(days=1)
        for label, one in (("model", model), ("baseline", plain)):
            chance = one.chance(then.facts["type"], age, horizon_days=horizon)
            errors[label].append((chance - gone) ** 2)
        expected += model.chance(then.facts["type"], age, horizon_days=horizon)
        cleared += gone
    brier = {label: float(np.mean(values)) for label, values in errors.items()}
    print(brier, len(errors["model"]), expected, cleared)
    assert brier["model"] < brier["baseline"]

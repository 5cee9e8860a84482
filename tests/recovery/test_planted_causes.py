"""Planted causes of delay are found with their size; where nothing was planted, nothing is."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from mining import load
from mining.causation import DIMENSIONS as DIMENSIONS_OF_LINES
from mining.causation import causes, find_causes
from mining.effects import discoveries, main_effects
from mining.lines import return_lines

WEEK_US = 7 * 86_400_000_000
DIMENSIONS = ["site", "carrier", "family"]


def table(seed, *, lines=4_000, **planted):
    """Lines whose days are noise, plus what is planted: ``carrier_SLOW=2.0`` adds two days."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "site": random.choice(["DC1", "DC2", "DC3"], lines),
            "carrier": random.choice(["FAST", "SLOW", "OWN"], lines, p=[0.6, 0.2, 0.2]),
            "family": random.choice([f"F{n}" for n in range(8)], lines),
            "opened_us": np.sort(random.integers(0, 26 * WEEK_US, lines)),
            "value": random.lognormal(3, 1, lines),
        }
    )
    # the slow carrier serves one site more: without adjustment the site would look slow too
    confounded = (frame["carrier"] == "SLOW") & (random.random(lines) < 0.7)
    frame.loc[confounded, "site"] = "DC3"
    frame["outcome"] = random.gamma(4, 1.5, lines)
    for name, effect in planted.items():
        dimension, value = name.split("_")
        frame.loc[frame[dimension] == value, "outcome"] += effect
    return frame


def test_a_planted_cause_is_found_with_its_size_and_its_innocent_companion_is_not():
    found = find_causes(table(1, carrier_SLOW=2.0, family_F3=1.0), dimensions=DIMENSIONS).frame
    slow = found[(found["dimension"] == "carrier") & (found["value"] == "SLOW")].iloc[0]
    fast = found[(found["dimension"] == "carrier") & (found["value"] == "FAST")]
    difference = slow["effect"] - (fast["effect"].iloc[0] if len(fast) else 0)
    assert 1.0 < difference < 3.0
    assert slow["low"] < slow["effect"] < slow["high"]
    assert slow["money"] > 0
    assert ("family", "F3") in set(zip(found["dimension"], found["value"], strict=True))
    assert "site" not in set(found["dimension"])


def test_without_a_cause_nothing_is_found_beyond_the_stated_rate():
    findings = [len(find_causes(table(seed), dimensions=DIMENSIONS).frame) for seed in range(40)]
    assert np.mean([n > 0 for n in findings]) <= 0.05


def test_a_cause_that_ended_before_the_later_weeks_is_not_confirmed():
    frame = table(3)
    early = frame["opened_us"] < frame["opened_us"].median()
    frame.loc[early & (frame["carrier"] == "OWN"), "outcome"] += 3
    assert "OWN" not in set(find_causes(frame, dimensions=DIMENSIONS).frame["value"])


def test_too_few_lines_are_no_evidence():
    found = find_causes(table(1, lines=60, carrier_SLOW=9.0), dimensions=DIMENSIONS)
    assert found.to_dict()["causes"] == []


def test_a_subgroup_is_found_where_only_both_values_together_delay():
    frame = table(5, lines=8_000)
    both = (frame["site"] == "DC2") & (frame["family"] == "F1")
    frame.loc[both, "outcome"] += 3
    found = find_causes(frame, dimensions=DIMENSIONS).frame
    cut = found[found["dimension"] == "site & family"]
    assert cut["value"].tolist()[:1] == ["DC2 & F1"]
    assert cut["low"].iloc[0] < 3 < cut["high"].iloc[0] + 1.5
    assert cut["effect"].iloc[0] > 1.0


def test_lines_late_together_are_no_evidence_against_what_came_that_week():
    """Each site has good and bad weeks; each week its own mix of families: no cause at all."""
    findings = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        frame = table(seed, lines=3_000)
        week = frame["opened_us"] // WEEK_US
        # one family comes in bursts of some weeks at one site or another
        burst = random.random((27, 3)) < 0.2
        site_no = frame["site"].str[-1].astype(int).to_numpy() - 1
        caught = burst[week, site_no] & (random.random(len(frame)) < 0.5)
        frame.loc[caught, "family"] = "F0"
        frame["outcome"] += 4 * random.standard_normal((27, 3))[week, site_no]
        findings.append(len(find_causes(frame, dimensions=["carrier", "family", "site"]).frame))
    assert np.mean([n > 0 for n in findings]) <= 0.05


def shuffled(lines, seed):
    """Simulated lines, each with the duration of some other line."""
    random = np.random.default_rng(seed)
    days = (lines["last_us"] - lines["opened_us"]) / 86_400e6
    table = lines.assign(outcome=random.permutation(days))
    return table.rename(columns={column: name for name, column in DIMENSIONS_OF_LINES.items()})


def explained(table):
    return find_causes(table, dimensions=[name for name in DIMENSIONS_OF_LINES if name in table])


def test_shuffled_durations_of_simulated_returns_are_explained_by_nothing(small_home):
    lines = return_lines(load(small_home))
    for seed in range(3):
        found = explained(shuffled(lines, seed))
        assert found.candidates > 50
        assert found.to_dict()["causes"] == []


@pytest.mark.slow
def test_shuffled_durations_give_a_finding_no_more_often_than_stated(small_home):
    lines = return_lines(load(small_home))
    found = [len(explained(shuffled(lines, seed)).frame) > 0 for seed in range(100)]
    assert np.mean(found) <= 0.05


def test_leakage_is_explained_in_money_per_line(small_home):
    found = causes(load(small_home), of="leakage")
    said = found.with_details()
    assert said["of"] == "leakage"
    json.dumps(said, allow_nan=False)
    assert found.candidates > 50
    for cause in said["causes"]:
        assert cause["low"] <= cause["effect_money"] <= cause["high"]


def test_benjamini_yekutieli_agrees_with_scipy():
    random = np.random.default_rng(1)
    for _ in range(20):
        p_values = random.random(30) ** 4
        theirs = false_discovery_control(p_values, method="by") <= 0.05
        assert discoveries(p_values, 0.05).tolist() == theirs.tolist()


def test_clustered_errors_are_those_of_the_textbook_formula():
    """Cameron and Miller (2015), equation 11, written out cluster by cluster."""
    random = np.random.default_rng(4)
    n, clusters = 400, np.repeat(np.arange(20), 20)
    group = (random.random(n) < 0.3).astype(float)
    outcome = 2 * group + random.standard_normal(20)[clusters] + random.standard_normal(n)
    x = np.column_stack([np.ones(n), group])
    beta = np.linalg.lstsq(x, outcome, rcond=None)[0]
    residual = outcome - x @ beta
    meat = sum(
        np.outer(
            x[clusters == c].T @ residual[clusters == c],
            x[clusters == c].T @ residual[clusters == c],
        )
        for c in range(20)
    )
    bread = np.linalg.inv(x.T @ x)
    error = np.sqrt((bread @ meat @ bread)[1, 1] * 20 / 19 * (n - 1) / (n - 2))
    found = main_effects(
        group[:, None],
        outcome,
        dimension=np.array(["a"]),
        nuisance=np.empty((n, 0)),
        cluster=clusters,
    )
    outside = 1 - group.mean()  # an effect is measured against the average line
    assert found.effect[0] == pytest.approx(beta[1] * outside)
    assert found.error[0] == pytest.approx(error * outside)
    assert found.freedom == 19


@pytest.mark.slow
def test_the_slow_legacy_sites_explain_delay_in_simulated_returns(tmp_path):
    from ingestion.intake import ingest
    from ingestion.settings import Settings
    from ingestion.simulator import simulate

    simulate(tmp_path / "sim", lines=8_000, seed=3)
    settings = Settings.load(tmp_path / "home")
    ingest(settings, [tmp_path / "sim" / "sources"])
    said = causes(load(settings.home)).to_dict()
    json.dumps(said, allow_nan=False)
    late = {(c["dimension"], c["value"]) for c in said["causes"] if c["effect_days"] > 0}
    assert {("site", "DC4"), ("site", "DC5")} & late

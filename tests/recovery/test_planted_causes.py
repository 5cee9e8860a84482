"""Planted causes of delay are found with their size; where nothing was planted, nothing is."""

import json

import numpy as np
import pandas as pd
import pytest

from mining import load
from mining.causation import causes, find_causes

DIMENSIONS = ["site", "carrier", "family"]


def table(seed, *, lines=4_000, **planted):
    """Lines whose days are noise, plus what is planted: ``carrier_SLOW=2.0`` adds two days."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "site": random.choice(["DC1", "DC2", "DC3"], lines),
            "carrier": random.choice(["FAST", "SLOW", "OWN"], lines, p=[0.6, 0.2, 0.2]),
            "family": random.choice([f"F{n}" for n in range(8)], lines),
            "opened_us": np.sort(random.integers(0, 10**12, lines)),
            "value": random.lognormal(3, 1, lines),
        }
    )
    # the slow carrier serves one site more: without adjustment the site would look slow too
    confounded = (frame["carrier"] == "SLOW") & (random.random(lines) < 0.7)
    frame.loc[confounded, "site"] = "DC3"
    frame["days"] = random.gamma(4, 1.5, lines)
    for name, effect in planted.items():
        dimension, value = name.split("_")
        frame.loc[frame[dimension] == value, "days"] += effect
    return frame


def test_a_planted_cause_is_found_with_its_size_and_its_innocent_companion_is_not():
    found = find_causes(table(1, carrier_SLOW=2.0, family_F3=1.0), dimensions=DIMENSIONS).frame
    slow = found[(found["dimension"] == "carrier") & (found["value"] == "SLOW")].iloc[0]
    fast = found[(found["dimension"] == "carrier") & (found["value"] == "FAST")]
    difference = slow["effect_days"] - (fast["effect_days"].iloc[0] if len(fast) else 0)
    assert 1.0 < difference < 3.0
    assert slow["low"] < slow["effect_days"] < slow["high"]
    assert slow["money"] > 0
    assert ("family", "F3") in set(zip(found["dimension"], found["value"], strict=True))
    assert "site" not in set(found["dimension"])


def test_without_a_cause_nothing_is_found_beyond_the_stated_rate():
    findings = [len(find_causes(table(seed), dimensions=DIMENSIONS).frame) for seed in range(40)]
    assert np.mean([n > 0 for n in findings]) <= 0.05


def test_a_cause_that_ended_before_the_later_weeks_is_not_confirmed():
    frame = table(3)
    early = frame["opened_us"] < frame["opened_us"].median()
    frame.loc[early & (frame["carrier"] == "OWN"), "days"] += 3
    assert "OWN" not in set(find_causes(frame, dimensions=DIMENSIONS).frame["value"])


def test_too_few_lines_are_no_evidence():
    found = find_causes(table(1, lines=60, carrier_SLOW=9.0), dimensions=DIMENSIONS)
    assert found.to_dict() == {"causes": []}


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

"""40,000 simulated lines with correlated faults: what was broken is found, and little else.

Run with ``-s`` to see the table of the documentation.
"""

import csv
import json
import os
from collections import Counter

import pytest

from ingestion.intake import ingest
from ingestion.settings import Settings
from ingestion.simulator import simulate
from mining import reconcile

OFTEN = 20
SEEDS = [int(seed) for seed in os.environ.get("RETRACE_TEST_SEEDS", "5 4242").split()]


class Score:
    """Injected and found breaks by type; a secondary flag counts as found."""

    def __init__(self, breaks, faults):
        members_of = [(row["type"], row["document_ids"].split(";")) for row in faults]
        told, true = {}, {}
        for one in breaks:
            for member in one["members"]:
                told.setdefault(member, []).append(one)
        for code, members in members_of:
            for member in members:
                true.setdefault(member, set()).add(code)
        self.injected, self.hit, self.found, self.right, self.confused = (
            Counter() for _ in range(5)
        )
        for code, members in members_of:
            near = [one for member in members for one in told.get(member, ())]
            self.injected[code] += 1
            self.hit[code] += any(code in (one["type"], *one["secondary"]) for one in near)
            other = {"B01": "B03", "B03": "B01"}.get(code)
            self.confused[code] += any(one["type"] == other for one in near)
        for one in breaks:
            self.found[one["type"]] += 1
            self.right[one["type"]] += any(
                one["type"] in true.get(member, ()) for member in one["members"]
            )

    def recall(self, code):
        return self.hit[code] / self.injected[code]

    def precision(self, code):
        return self.right[code] / self.found[code] if self.found[code] else 0.0

    def __str__(self):
        rows = ["| type | injected | recall | found | precision |", "|---|---:|---:|---:|---:|"]
        rows += [
            f"| {code} | {self.injected[code]:,} | {self.recall(code):.3f} | "
            f"{self.found[code]:,} | {self.precision(code):.3f} |"
            for code in sorted(self.injected)
        ]
        pooled = f"{self.injected.total():,} | {self.hit.total() / self.injected.total():.3f} | "
        pooled += f"{self.found.total():,} | {self.right.total() / self.found.total():.3f}"
        return "\n".join([*rows, f"| pooled | {pooled} |"])


def judge(folder, home):
    """Score what ``retrace reconcile --json`` says of a simulated home."""
    answer = json.loads(json.dumps(reconcile(home).to_dict()))
    with (folder / "truth" / "faults.csv").open(encoding="utf-8") as file:
        faults = [row for row in csv.DictReader(file) if row["type"].startswith("B")]
    score = Score(answer["breaks"], faults)
    print(f"\n{score}")
    return score


def check(score):
    assert score.hit.total() / score.injected.total() >= 0.93, score
    assert score.right.total() / score.found.total() >= 0.93, score
    often = [code for code, count in score.injected.items() if count >= OFTEN]
    for code in often:
        assert score.recall(code) >= 0.85, score
        assert score.precision(code) >= 0.85, score
    timing = score.injected["B01"] + score.injected["B03"]
    assert (score.confused["B01"] + score.confused["B03"]) / timing <= 0.05, score
    return often


def test_the_small_cut_is_judged_like_the_large_one(small_home, sim_dir):
    score = judge(sim_dir, small_home)
    assert score.injected.total() > 100
    check(score)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_40_000_lines_of_an_unseen_seed(seed, tmp_path):
    simulate(tmp_path / "out", lines=40_000, seed=seed)
    ingest(Settings.load(tmp_path / "home"), [tmp_path / "out" / "sources"])
    often = check(judge(tmp_path / "out", tmp_path / "home"))
    assert len(often) >= 14


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["peak", "outage", "drift"])
def test_other_scenarios(scenario, tmp_path):
    simulate(tmp_path / "out", lines=20_000, seed=31, scenario=scenario)
    ingest(Settings.load(tmp_path / "home"), [tmp_path / "out" / "sources"])
    check(judge(tmp_path / "out", tmp_path / "home"))
